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
  bootstrap_password         = "0123456789abcdef0123"
}

run "the_broker_of_prod" {
  command = plan

  assert {
    condition     = !aws_mq_broker.this.publicly_accessible
    error_message = "it can be reached from outside"
  }

  assert {
    condition     = aws_mq_broker.this.deployment_mode == "CLUSTER_MULTI_AZ" && length(aws_mq_broker.this.subnet_ids) == 3
    error_message = "one node only"
  }

  assert {
    condition     = aws_mq_broker.this.engine_type == "RabbitMQ" && aws_mq_broker.this.engine_version == "4.2"
    error_message = "another version than compose.yaml runs"
  }

  assert {
    condition     = !aws_mq_broker.this.encryption_options[0].use_aws_owned_key && aws_mq_broker.this.encryption_options[0].kms_key_id == var.kms_key_arn
    error_message = "not encrypted with the given key"
  }

  assert {
    condition     = aws_mq_broker.this.logs[0].general
    error_message = "logs are not kept"
  }

  assert {
    condition     = aws_mq_broker.this.auto_minor_version_upgrade
    error_message = "minor versions do not come by themselves, which Amazon MQ demands"
  }

  assert {
    condition     = !aws_mq_broker.this.apply_immediately
    error_message = "a change waits for no window"
  }

  assert {
    condition     = strcontains(aws_mq_configuration.this.data, "consumer_timeout = 1800000")
    error_message = "a stuck consumer keeps its message for ever"
  }

  assert {
    condition     = [for user in aws_mq_broker.this.user : user.username] == ["operations"]
    error_message = "more or other users than the one that starts"
  }
}

run "around_the_broker" {
  command = plan

  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.clients : rule.from_port]) == toset([5671, 443])
    error_message = "other ports than 5671 and 443 are open"
  }

  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.clients : rule.referenced_security_group_id]) == toset(["sg-1", "sg-2"])
    error_message = "other groups than the named ones may connect"
  }

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.clients : rule.cidr_ipv4 == null && rule.cidr_ipv6 == null])
    error_message = "an address may connect instead of a group"
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.treat_missing_data == "breaching"]) && aws_cloudwatch_metric_alarm.memory.treat_missing_data == "breaching"
    error_message = "a broker that reports nothing passes for healthy"
  }

  assert {
    condition     = toset([for query in aws_cloudwatch_metric_alarm.memory.metric_query : one(query.metric[*].metric_name)]) == toset([null, "RabbitMQMemUsed", "RabbitMQMemLimit"])
    error_message = "the alarm of memory is not the share of the limit"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["ready"].threshold == 10000
    error_message = "the alarm of waiting messages is not the given one"
  }
}

run "one_node_in_dev" {
  command = plan
  variables {
    environment     = "dev"
    deployment_mode = "SINGLE_INSTANCE"
  }

  assert {
    condition     = aws_mq_broker.this.subnet_ids == toset(["subnet-1"])
    error_message = "one instance takes one subnet"
  }

  assert {
    condition     = !aws_mq_broker.this.publicly_accessible
    error_message = "dev can be reached from outside"
  }
}

run "the_older_version" {
  command = plan
  variables {
    engine_version = "3.13"
    instance_type  = "mq.m5.large"
  }

  assert {
    condition     = aws_mq_broker.this.engine_version == "3.13" && aws_mq_configuration.this.engine_version == "3.13"
    error_message = "broker and configuration are of different versions"
  }
}
