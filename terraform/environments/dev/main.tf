# Small and cheap: one NAT gateway, two nodes, and Postgres, Redis and RabbitMQ in the cluster by their operators.

module "stack" {
  source = "../../modules/stack"

  environment          = "dev"
  domain               = var.domain
  wait_for_certificate = var.wait_for_certificate
  emails               = var.emails
  access               = var.access
  guardrails           = var.guardrails
  secret_rotations     = var.secret_rotations

  cidr         = "10.10.0.0/16"
  budget_usd   = var.budget_usd
  managed_data = false

  cluster = {
    instance_types      = ["t4g.large", "m7g.large"]
    nodes               = { min = 2, desired = 2, max = 4 }
    public_access_cidrs = var.public_access_cidrs
    addon_versions      = var.addon_versions
    log_retention_days  = 30
  }
}
