# RabbitMQ for the events of the services, and for those that consume them.

locals {
  name = "${var.project}-${var.environment}"
  tags = merge(var.tags, { module = "broker" })

  # 5671 for services, 443 for the console and the management interface, which also sets up users and policies.
  ports = { amqps = 5671, management = 443 }
  rules = merge([for port, number in local.ports : {
    for position in range(length(var.allowed_security_group_ids)) : "${port}-${position}" => { number = number, position = position, port = port }
  }]...)
}

resource "aws_security_group" "this" {
  name        = "${local.name}-broker"
  description = "RabbitMQ of ${local.name}: in from the named groups, nothing out."
  vpc_id      = var.vpc_id
  tags        = merge(local.tags, { Name = "${local.name}-broker" })
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = local.rules

  security_group_id            = aws_security_group.this.id
  description                  = "${each.value.port} from clients."
  referenced_security_group_id = var.allowed_security_group_ids[each.value.position]
  ip_protocol                  = "tcp"
  from_port                    = each.value.number
  to_port                      = each.value.number
  tags                         = local.tags
}

resource "aws_mq_configuration" "this" {
  name           = local.name
  description    = "RabbitMQ of ${local.name}."
  engine_type    = "RabbitMQ"
  engine_version = var.engine_version
  tags           = local.tags

  # A consumer that holds a message for half an hour is stuck; the message goes to another one.
  data = <<-EOT
    # Milliseconds a consumer may hold a message without an answer.
    consumer_timeout = 1800000
  EOT
}

resource "aws_mq_broker" "this" {
  broker_name        = local.name
  engine_type        = "RabbitMQ"
  engine_version     = var.engine_version
  host_instance_type = var.instance_type
  deployment_mode    = var.deployment_mode
  # One instance takes exactly one subnet.
  subnet_ids          = var.deployment_mode == "SINGLE_INSTANCE" ? slice(var.subnet_ids, 0, 1) : var.subnet_ids
  security_groups     = [aws_security_group.this.id]
  publicly_accessible = false

  # Amazon MQ demands it for RabbitMQ from 3.13 on.
  auto_minor_version_upgrade = true
  apply_immediately          = false

  configuration {
    id       = aws_mq_configuration.this.id
    revision = aws_mq_configuration.this.latest_revision
  }

  encryption_options {
    use_aws_owned_key = false
    kms_key_id        = var.kms_key_arn
  }

  logs {
    general = true
  }

  maintenance_window_start_time {
    day_of_week = "TUESDAY"
    time_of_day = "05:30"
    time_zone   = "UTC"
  }

  user {
    username = "operations"
    password = var.bootstrap_password
  }

  tags = local.tags

  # Users belong to RabbitMQ once it runs: their passwords are changed there and never read back.
  lifecycle {
    ignore_changes = [user]
  }
}
