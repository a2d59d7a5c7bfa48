module "dns" {
  source      = "../../../modules/dns"
  project     = "signalbox"
  environment = "dev"
  domain      = "dev.shop.example.com"
}

output "dns" {
  value = module.dns
}
