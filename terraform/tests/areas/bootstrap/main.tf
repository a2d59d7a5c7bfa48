module "bootstrap" {
  source     = "../../../bootstrap"
  repository = "example/signalbox"
}

output "bootstrap" {
  value = module.bootstrap
}
