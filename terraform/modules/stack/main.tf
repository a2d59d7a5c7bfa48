# One environment: every module, wired. The environments differ in what they pass here and in nothing else.

data "aws_region" "current" {}

locals {
  zones   = [for letter in ["a", "b", "c"] : "${data.aws_region.current.id}${letter}"]
  managed = var.managed_data ? 1 : 0
  clients = [module.eks.security_group_id]
}

module "key" {
  source       = "../key"
  project      = var.project
  environment  = var.environment
  tags         = var.tags
  alarm_emails = var.emails
}

module "network" {
  source              = "../network"
  project             = var.project
  environment         = var.environment
  tags                = var.tags
  cidr                = var.cidr
  zones               = local.zones
  nat_gateways        = var.nat_gateways
  interface_endpoints = var.interface_endpoints
  kms_key_arn         = module.key.key_arn
}

module "dns" {
  source               = "../dns"
  project              = var.project
  environment          = var.environment
  tags                 = var.tags
  domain               = var.domain
  wait_for_certificate = var.wait_for_certificate
}

module "secrets" {
  source            = "../secrets"
  project           = var.project
  environment       = var.environment
  tags              = var.tags
  kms_key_arn       = module.key.key_arn
  secrets           = local.secrets
  other_secret_arns = module.postgres[*].operator_secret_arn
}

module "eks" {
  source               = "../eks"
  project              = var.project
  environment          = var.environment
  tags                 = var.tags
  kms_key_arn          = module.key.key_arn
  subnet_ids           = module.network.private_subnet_ids
  kubernetes_version   = var.cluster.kubernetes_version
  compute              = var.cluster.compute
  architecture         = var.cluster.architecture
  instance_types       = var.cluster.instance_types
  nodes                = var.cluster.nodes
  addon_versions       = var.cluster.addon_versions
  public_access_cidrs  = var.cluster.public_access_cidrs
  node_release_version = var.cluster.node_release_version
  log_retention_days   = var.cluster.log_retention_days
  access               = var.access

  workloads = {
    external-secrets = { namespace = "external-secrets", service_account = "external-secrets", policy = module.secrets.read_policy }
    external-dns     = { namespace = "external-dns", service_account = "external-dns", policy = module.dns.records_policy }
  }
}

module "postgres" {
  source = "../postgres"
  count  = local.managed

  project                    = var.project
  environment                = var.environment
  tags                       = merge(var.tags, local.backed_up)
  vpc_id                     = module.network.vpc_id
  subnet_ids                 = module.network.data_subnet_ids
  allowed_security_group_ids = local.clients
  kms_key_arn                = module.key.key_arn
  alarm_topic_arns           = [module.key.alarm_topic_arn]
  instance_class             = var.postgres.instance_class
  allocated_storage_gib      = var.postgres.allocated_storage_gib
  max_allocated_storage_gib  = var.postgres.max_allocated_storage_gib
  multi_az                   = var.postgres.multi_az
  deletion_protection        = var.postgres.deletion_protection
  skip_final_snapshot        = var.postgres.skip_final_snapshot
}

module "redis" {
  source = "../redis"
  count  = local.managed

  project                    = var.project
  environment                = var.environment
  tags                       = var.tags
  vpc_id                     = module.network.vpc_id
  subnet_ids                 = module.network.data_subnet_ids
  allowed_security_group_ids = local.clients
  kms_key_arn                = module.key.key_arn
  alarm_topic_arns           = [module.key.alarm_topic_arn]
  node_type                  = var.redis.node_type
  node_count                 = var.redis.node_count
  services                   = local.caches
}

module "broker" {
  source = "../broker"
  count  = local.managed

  project                    = var.project
  environment                = var.environment
  tags                       = var.tags
  vpc_id                     = module.network.vpc_id
  subnet_ids                 = module.network.data_subnet_ids
  allowed_security_group_ids = local.clients
  kms_key_arn                = module.key.key_arn
  alarm_topic_arns           = [module.key.alarm_topic_arn]
  instance_type              = var.broker.instance_type
  deployment_mode            = var.broker.deployment_mode
  bootstrap_password         = var.broker_bootstrap_password
}

module "observability" {
  source          = "../observability"
  project         = var.project
  environment     = var.environment
  tags            = var.tags
  kms_key_arn     = module.key.key_arn
  cluster_name    = module.eks.cluster_name
  managed_metrics = var.managed_metrics
  force_destroy   = var.environment == "dev"
}

module "backup" {
  source = "../backup"
  count  = local.managed

  project                   = var.project
  environment               = var.environment
  tags                      = var.tags
  kms_key_arn               = module.key.key_arn
  copy_to_vault_arn         = var.copy_to_vault_arn
  notification_topic_arn    = module.key.alarm_topic_arn
  restore_test_subnet_group = "${var.project}-${var.environment}" # the name module postgres gives its group
}

module "budget" {
  source      = "../budget"
  project     = var.project
  environment = var.environment
  tags        = var.tags
  limit_usd   = var.budget_usd
  emails      = tolist(var.emails)
}

module "guardrails" {
  source = "../guardrails"
  count  = length(var.guardrails) > 0 ? 1 : 0

  project           = var.project
  environment       = var.environment
  tags              = var.tags
  parts             = var.guardrails
  public_subnet_ids = module.network.public_subnet_ids
  topic_arn         = module.key.alarm_topic_arn
}
