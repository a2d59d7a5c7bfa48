# Three zones of everything, backups copied to a second region, every add-on pinned.

module "stack" {
  source = "../../modules/stack"

  environment          = "prod"
  domain               = var.domain
  wait_for_certificate = var.wait_for_certificate
  emails               = var.emails
  access               = var.access
  guardrails           = var.guardrails
  secret_rotations     = var.secret_rotations

  cidr                      = "10.30.0.0/16"
  nat_gateways              = 3
  interface_endpoints       = true
  budget_usd                = var.budget_usd
  broker_bootstrap_password = var.broker_bootstrap_password
  copy_to_vault_arn         = module.copy_vault.vault_arn
  managed_metrics           = true

  cluster = {
    compute              = "karpenter"
    nodes                = { min = 3, desired = 3, max = 6 }
    public_access_cidrs  = var.public_access_cidrs
    addon_versions       = var.addon_versions
    node_release_version = var.node_release_version
    log_retention_days   = 365
  }

  postgres = { instance_class = "db.m7g.large", allocated_storage_gib = 100, max_allocated_storage_gib = 500 }
  redis    = { node_type = "cache.m7g.large", node_count = 3 }
}

module "copy_key" {
  source      = "../../modules/key"
  providers   = { aws = aws.copy }
  project     = "signalbox"
  environment = "prod"
}

module "copy_vault" {
  source      = "../../modules/backup"
  providers   = { aws = aws.copy }
  project     = "signalbox"
  environment = "prod"
  kms_key_arn = module.copy_key.key_arn
  vault_only  = true
}
