# The wiring alone: the modules are stood in for, each has tests of its own. The provider is the real one without an account,
# because mock providers know no ephemeral resources (Terraform 1.11) and module secrets has one.
provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "testing"
  secret_key                  = "testing"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_module {
  target  = module.network
  outputs = { vpc_id = "vpc-1", private_subnet_ids = ["subnet-1", "subnet-2", "subnet-3"], data_subnet_ids = ["subnet-4", "subnet-5", "subnet-6"], public_subnet_ids = [], vpc_cidr = "10.0.0.0/16", nat_addresses = [] }
}

override_module {
  target  = module.secrets
  outputs = { secret_arns = {}, read_policy = "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"secretsmanager:GetSecretValue\",\"Resource\":\"arn:aws:secretsmanager:eu-central-1:111122223333:secret:x\"}]}" }
}

override_module {
  target  = module.dns
  outputs = { zone_id = "Z0", name_servers = [], certificate_arn = "arn:aws:acm:eu-central-1:111122223333:certificate/x", records_policy = "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"route53:ChangeResourceRecordSets\",\"Resource\":\"arn:aws:route53:::hostedzone/Z0\"}]}" }
}

override_module {
  target  = module.key
  outputs = { key_arn = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000000", alarm_topic_arn = "arn:aws:sns:eu-central-1:111122223333:alarms" }
}

override_module {
  target  = module.eks
  outputs = { cluster_name = "signalbox-dev", security_group_id = "sg-1" }
}

override_module {
  target  = module.observability
  outputs = {}
}

override_module {
  target  = module.budget
  outputs = {}
}

override_module {
  target  = module.postgres
  outputs = { address = "db.internal", operator_secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:operator" }
}

override_module {
  target  = module.redis
  outputs = { address = "redis.internal" }
}

override_module {
  target  = module.broker
  outputs = { endpoint = "amqps://broker.internal:5671" }
}

override_module {
  target  = module.backup
  outputs = { vault_arn = "arn:aws:backup:eu-central-1:111122223333:backup-vault:x" }
}

override_module {
  target  = module.guardrails
  outputs = { detector_id = "d-1", records_bucket = "records" }
}

variables {
  environment = "dev"
  domain      = "dev.shop.example.com"
  emails      = ["platform@example.com"]
  budget_usd  = 400
  cidr        = "10.10.0.0/16"
  access      = { admins = { role_arn = "arn:aws:iam::111122223333:role/admins", policy = "AmazonEKSClusterAdminPolicy" } }
}

run "data_in_the_cluster" {
  command = plan
  variables { managed_data = false }

  assert {
    condition     = output.postgres == null && output.redis == null && output.broker == null && output.backup == null
    error_message = "a server is bought though operators run it in the cluster"
  }
  assert {
    condition     = local.zones == ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
    error_message = "not three zones of the region"
  }
  assert {
    condition     = output.guardrails == null
    error_message = "guardrails are paid for though nobody asked"
  }
}

run "managed_data" {
  command = plan
  variables { broker_bootstrap_password = "not-a-password-but-long-enough" }

  assert {
    condition     = output.postgres.address == "db.internal" && output.redis.address == "redis.internal" && output.broker.endpoint == "amqps://broker.internal:5671"
    error_message = "the addresses of the servers do not come out"
  }
  assert {
    condition     = alltrue([for name, secret in local.secrets : can(regex("^[a-z]+/[a-z-]+$", name))]) && length(local.secrets) == 6 + sum([for service in local.services : (contains(service.stores, "postgres") ? 2 : 0) + (contains(service.stores, "redis") ? 1 : 0) + (contains(keys(service), "publishes") || contains(keys(service), "consumes") ? 1 : 0)])
    error_message = "not the secrets the chart names"
  }
  assert {
    condition     = toset([for name, secret in local.secrets : name if !secret.generate]) == toset(["notification/smtp", "broker/operations"])
    error_message = "a password of a service is left to people, or one that another server decides is made up"
  }
  assert {
    condition = length(setsubtract(
      concat([for s in ["auth", "user", "product", "notification"] : ["${s}/database", "${s}/database-owner", "${s}/broker"]]...),
      keys(local.secrets),
    )) == 0 && length(setsubtract(["auth/redis", "product/redis", "gateway/redis", "auth/bootstrap-admin"], keys(local.secrets))) == 0
    error_message = "a service has a store and no password for it"
  }
}

run "a_new_password" {
  command = plan
  variables {
    managed_data     = false
    secret_rotations = { "auth/database" = 2 }
  }

  assert {
    condition     = local.secrets["auth/database"].rotation == 2 && toset([for name, secret in local.secrets : secret.rotation if name != "auth/database"]) == toset([1])
    error_message = "AWS makes no new password, or one that nobody asked for"
  }
}

run "a_new_password_of_nothing" {
  command = plan
  variables {
    managed_data     = false
    secret_rotations = { "notification/smtp" = 2 }
  }
  expect_failures = [var.secret_rotations]
}

run "guardrails" {
  command = plan
  variables {
    managed_data = false
    guardrails   = ["guardduty"]
  }

  assert {
    condition     = output.guardrails.detector_id == "d-1"
    error_message = "the switch does nothing"
  }
}

run "no_password_for_the_broker" {
  command         = plan
  expect_failures = [var.broker_bootstrap_password]
}
