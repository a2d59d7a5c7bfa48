# Sessions, product cache and rate limit counters. Losing all of it logs people out and harms nothing else, so it is
# sized and backed up as a cache, but guarded as the session store it is.

locals {
  name = "${var.project}-${var.environment}"
  tags = merge(var.tags, { module = "redis" })
}

resource "aws_elasticache_subnet_group" "this" {
  name        = local.name
  description = "Where the cache of ${local.name} may run."
  subnet_ids  = var.subnet_ids
  tags        = local.tags
}

resource "aws_security_group" "this" {
  name        = "${local.name}-redis"
  description = "Cache of ${local.name}: in from the named groups, nothing out."
  vpc_id      = var.vpc_id
  tags        = merge(local.tags, { Name = "${local.name}-redis" })
}

# By position, not by id: ids are not known before the cluster exists, and for_each needs its keys at plan time.
resource "aws_vpc_security_group_ingress_rule" "clients" {
  count = length(var.allowed_security_group_ids)

  security_group_id            = aws_security_group.this.id
  description                  = "Redis protocol from clients."
  referenced_security_group_id = var.allowed_security_group_ids[count.index]
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
  tags                         = local.tags
}

resource "aws_elasticache_parameter_group" "this" {
  name        = "${local.name}-valkey${split(".", var.engine_version)[0]}"
  family      = "valkey${split(".", var.engine_version)[0]}"
  description = "Cache of ${local.name}."
  tags        = local.tags

  # When full, what expires soonest goes first: all but the generations of the catalogue has a time to live. The same in compose.yaml.
  parameter {
    name  = "maxmemory-policy"
    value = "volatile-ttl"
  }

  # Connections of pods that vanished without a word are closed after five minutes.
  parameter {
    name  = "timeout"
    value = "300"
  }

  lifecycle {
    create_before_destroy = true
  }
}

# Each service reaches the keys under its own name and nothing else. A user begins with IAM login, which nobody uses,
# so it is closed; the operator gives it a password from Secrets Manager outside of Terraform (README.md). That way no
# password is in a state, and Terraform leaves alone how users log in.
resource "aws_elasticache_user" "service" {
  for_each = var.services

  user_id       = "${local.name}-${each.key}"
  user_name     = "${local.name}-${each.key}"
  engine        = "valkey"
  access_string = "on resetkeys ~signalbox:${each.key}:* resetchannels -@all +@read +@write +@scripting +@connection +time -@dangerous"
  tags          = local.tags

  authentication_mode {
    type = "iam"
  }

  lifecycle {
    ignore_changes = [authentication_mode]
  }
}

# Who measures sees counters, and no key. In compose.yaml it also reads settings, which ElastiCache gives to nobody.
resource "aws_elasticache_user" "metrics" {
  user_id       = "${local.name}-metrics"
  user_name     = "${local.name}-metrics"
  engine        = "valkey"
  access_string = "on resetkeys resetchannels -@all +ping +info +slowlog|get +slowlog|len +latency|latest +latency|histogram +client|setname +select"
  tags          = local.tags

  authentication_mode {
    type = "iam"
  }

  lifecycle {
    ignore_changes = [authentication_mode]
  }
}

resource "aws_elasticache_user_group" "this" {
  user_group_id = local.name
  engine        = "valkey"
  user_ids      = concat([for user in aws_elasticache_user.service : user.user_id], [aws_elasticache_user.metrics.user_id])
  tags          = local.tags
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = toset(["slow-log", "engine-log"])

  name              = "/aws/elasticache/${local.name}/${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = local.tags
}

resource "aws_elasticache_replication_group" "this" {
  # checkov:skip=CKV2_AWS_50:failover follows node_count, which a validation keeps at two or more in prod
  replication_group_id = local.name
  description          = "Sessions, product cache and rate limits of ${local.name}."
  engine               = "valkey"
  engine_version       = var.engine_version
  node_type            = var.node_type
  num_cache_clusters   = var.node_count
  port                 = 6379

  automatic_failover_enabled = var.node_count > 1
  multi_az_enabled           = var.node_count > 1

  subnet_group_name    = aws_elasticache_subnet_group.this.name
  security_group_ids   = [aws_security_group.this.id]
  parameter_group_name = aws_elasticache_parameter_group.this.name
  user_group_ids       = [aws_elasticache_user_group.this.user_group_id]

  # Plain connections are refused.
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  at_rest_encryption_enabled = true
  kms_key_id                 = var.kms_key_arn

  snapshot_retention_limit   = var.snapshot_retention_days
  snapshot_window            = "02:45-03:45"
  maintenance_window         = "tue:04:30-tue:05:30"
  auto_minor_version_upgrade = true
  apply_immediately          = false

  dynamic "log_delivery_configuration" {
    for_each = aws_cloudwatch_log_group.this

    content {
      destination      = log_delivery_configuration.value.name
      destination_type = "cloudwatch-logs"
      log_format       = "json"
      log_type         = log_delivery_configuration.key
    }
  }

  tags = local.tags
}
