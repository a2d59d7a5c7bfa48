# Shaped like the real ones, because the provider looks at policies and ARNs even when nothing is made.
mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }
}

variables {
  environment                = "prod"
  vpc_id                     = "vpc-1"
  subnet_ids                 = ["subnet-1", "subnet-2", "subnet-3"]
  allowed_security_group_ids = ["sg-1", "sg-2"]
  kms_key_arn                = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  services                   = ["auth", "product", "gateway"]
}

run "the_cache_of_prod" {
  command = plan

  assert {
    condition     = aws_elasticache_replication_group.this.transit_encryption_enabled && aws_elasticache_replication_group.this.transit_encryption_mode == "required"
    error_message = "plain connections are accepted"
  }

  assert {
    condition     = tobool(aws_elasticache_replication_group.this.at_rest_encryption_enabled) && aws_elasticache_replication_group.this.kms_key_id == var.kms_key_arn
    error_message = "not encrypted with the given key"
  }

  assert {
    condition     = aws_elasticache_replication_group.this.automatic_failover_enabled && aws_elasticache_replication_group.this.multi_az_enabled && aws_elasticache_replication_group.this.num_cache_clusters == 2
    error_message = "nothing takes over"
  }

  assert {
    condition     = aws_elasticache_replication_group.this.auth_token == null
    error_message = "a password is in the state"
  }

  assert {
    condition     = aws_elasticache_replication_group.this.user_group_ids == toset([aws_elasticache_user_group.this.user_group_id])
    error_message = "users are not told apart"
  }

  assert {
    condition     = aws_elasticache_replication_group.this.snapshot_retention_limit == 1
    error_message = "no snapshot is kept"
  }

  assert {
    condition     = toset([for log in aws_elasticache_replication_group.this.log_delivery_configuration : log.log_type]) == toset(["slow-log", "engine-log"])
    error_message = "slow commands or the log of the engine are not kept"
  }

  assert {
    condition     = one([for p in aws_elasticache_parameter_group.this.parameter : p.value if p.name == "maxmemory-policy"]) == "volatile-ttl"
    error_message = "when full, other keys go than those that expire soonest"
  }

  assert {
    condition     = aws_elasticache_parameter_group.this.family == "valkey8"
    error_message = "the parameter group is of another version"
  }
}

run "users_and_network" {
  command = plan

  assert {
    condition     = toset(keys(aws_elasticache_user.service)) == toset(["auth", "product", "gateway"])
    error_message = "not every service has a user"
  }

  assert {
    condition     = alltrue([for user in aws_elasticache_user.service : user.authentication_mode[0].type == "iam" && user.authentication_mode[0].passwords == null && user.no_password_required == null])
    error_message = "a user has a password in the state or none at all"
  }

  assert {
    condition     = alltrue([for service, user in aws_elasticache_user.service : user.user_id == user.user_name && user.user_id == "${output.user_prefix}${service}"]) && output.user_prefix == "signalbox-prod-"
    error_message = "user_prefix does not lead to the users, or a name differs from its id, which IAM login refuses"
  }

  assert {
    condition     = aws_elasticache_user.metrics.user_name == "signalbox-prod-metrics" && !strcontains(aws_elasticache_user.metrics.access_string, "~") && length(regexall("[+]@|[+]get|[+]config", aws_elasticache_user.metrics.access_string)) == 0
    error_message = "who measures reads keys or settings"
  }

  assert {
    condition     = contains(aws_elasticache_user_group.this.user_ids, aws_elasticache_user.metrics.user_id) && length(aws_elasticache_user_group.this.user_ids) == 4
    error_message = "a user is not in the group, so it cannot log in"
  }

  assert {
    condition     = strcontains(aws_elasticache_user.service["auth"].access_string, " ~signalbox:auth:* ") && length(regexall("~", aws_elasticache_user.service["auth"].access_string)) == 1
    error_message = "auth reaches keys of others"
  }

  assert {
    condition     = alltrue([for user in aws_elasticache_user.service : endswith(user.access_string, "-@dangerous")])
    error_message = "a user may run dangerous commands"
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.clients[*].referenced_security_group_id == ["sg-1", "sg-2"]
    error_message = "other groups than the named ones may connect"
  }

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.clients : rule.from_port == 6379 && rule.to_port == 6379 && rule.cidr_ipv4 == null])
    error_message = "another port than 6379 is open"
  }

  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.this : group.retention_in_days == 365 && group.kms_key_id == var.kms_key_arn])
    error_message = "logs are kept for ever or not encrypted"
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) == 8 && aws_cloudwatch_metric_alarm.this["signalbox-prod-002-memory"].dimensions["CacheClusterId"] == "signalbox-prod-002"
    error_message = "a node has no alarms"
  }
}

run "one_node_in_dev" {
  command = plan
  variables {
    environment             = "dev"
    node_count              = 1
    snapshot_retention_days = 0
  }

  assert {
    condition     = !aws_elasticache_replication_group.this.automatic_failover_enabled && !aws_elasticache_replication_group.this.multi_az_enabled
    error_message = "one node waits for another to take over"
  }

  assert {
    condition     = aws_elasticache_replication_group.this.transit_encryption_mode == "required"
    error_message = "dev accepts plain connections"
  }
}
