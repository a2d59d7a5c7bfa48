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
}

run "the_instance_of_prod" {
  command = plan

  assert {
    condition     = !aws_db_instance.this.publicly_accessible
    error_message = "it can be reached from outside"
  }

  assert {
    condition     = aws_db_instance.this.multi_az
    error_message = "no standby in another zone"
  }

  assert {
    condition     = aws_db_instance.this.storage_encrypted && aws_db_instance.this.kms_key_id == var.kms_key_arn
    error_message = "not encrypted with the given key"
  }

  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.password == null
    error_message = "RDS does not manage the password, or one is in the state"
  }

  assert {
    condition     = aws_db_instance.this.master_user_secret_kms_key_id == var.kms_key_arn
    error_message = "the secret of the password is not encrypted with the given key"
  }

  assert {
    condition     = aws_db_instance.this.iam_database_authentication_enabled
    error_message = "no login by IAM"
  }

  assert {
    condition     = aws_db_instance.this.max_allocated_storage > aws_db_instance.this.allocated_storage
    error_message = "storage does not grow"
  }

  assert {
    condition     = aws_db_instance.this.backup_retention_period >= 14 && !aws_db_instance.this.delete_automated_backups
    error_message = "backups are kept for less than 14 days, or go with the instance"
  }

  assert {
    condition     = aws_db_instance.this.deletion_protection && !aws_db_instance.this.skip_final_snapshot && aws_db_instance.this.final_snapshot_identifier == "signalbox-prod-final"
    error_message = "it can be deleted, or deleting keeps nothing"
  }

  assert {
    condition     = aws_db_instance.this.copy_tags_to_snapshot
    error_message = "snapshots lose the tags"
  }

  assert {
    condition     = aws_db_instance.this.performance_insights_enabled && aws_db_instance.this.performance_insights_kms_key_id == var.kms_key_arn
    error_message = "Performance Insights are off or not encrypted with the given key"
  }

  assert {
    condition     = aws_db_instance.this.monitoring_interval == 60
    error_message = "the operating system is not watched"
  }

  assert {
    condition     = aws_db_instance.this.enabled_cloudwatch_logs_exports == toset(["postgresql", "upgrade"])
    error_message = "logs are not sent"
  }

  assert {
    condition     = aws_db_instance.this.tags["backup"] == "signalbox-prod"
    error_message = "the tag is missing by which the module backup chooses"
  }
}

run "around_the_instance" {
  command = plan

  assert {
    condition     = one([for p in aws_db_parameter_group.this.parameter : p.value if p.name == "rds.force_ssl"]) == "1"
    error_message = "plain connections are accepted"
  }

  assert {
    condition     = one([for p in aws_db_parameter_group.this.parameter : p.value if p.name == "log_statement"]) == "ddl"
    error_message = "statements are logged, with what is in them"
  }

  assert {
    condition     = aws_db_parameter_group.this.family == "postgres17"
    error_message = "the parameter group is of another version"
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.clients[*].referenced_security_group_id == ["sg-1", "sg-2"]
    error_message = "other groups than the named ones may connect"
  }

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.clients : rule.from_port == 5432 && rule.to_port == 5432 && rule.cidr_ipv4 == null])
    error_message = "another port than 5432 is open"
  }

  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.this : group.retention_in_days == 365 && group.kms_key_id == var.kms_key_arn])
    error_message = "logs are kept for ever or not encrypted"
  }

  assert {
    condition     = toset([for alarm in aws_cloudwatch_metric_alarm.this : alarm.metric_name]) == toset(["CPUUtilization", "FreeStorageSpace", "DatabaseConnections", "FreeableMemory"])
    error_message = "an alarm is missing"
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.treat_missing_data == "breaching"])
    error_message = "an instance that reports nothing passes for healthy"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["connections"].threshold == 160
    error_message = "the alarm of connections does not follow the limit"
  }

  assert {
    condition     = data.aws_iam_policy_document.monitoring_trust.statement[0].principals == toset([{ type = "Service", identifiers = toset(["monitoring.rds.amazonaws.com"]) }])
    error_message = "somebody else than RDS may take the role"
  }
}

run "an_environment_that_is_thrown_away" {
  command = plan
  variables {
    environment           = "dev"
    multi_az              = false
    deletion_protection   = false
    skip_final_snapshot   = true
    backup_retention_days = 7
    alarm_topic_arns      = ["arn:aws:sns:eu-central-1:111122223333:alarms"]
  }

  assert {
    condition     = aws_db_instance.this.skip_final_snapshot && aws_db_instance.this.final_snapshot_identifier == null && !aws_db_instance.this.deletion_protection
    error_message = "dev cannot be torn down"
  }

  assert {
    condition     = aws_db_instance.this.storage_encrypted && !aws_db_instance.this.publicly_accessible
    error_message = "dev is not encrypted or can be reached from outside"
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == toset(var.alarm_topic_arns) && alarm.ok_actions == toset(var.alarm_topic_arns)])
    error_message = "nobody hears of an alarm or of its end"
  }
}
