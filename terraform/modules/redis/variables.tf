variable "project" {
  description = "Name of the project; first part of every name made here. 16 characters at most, because some names may have only 32 to 40."
  type        = string
  default     = "signalbox"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,14}[a-z0-9]$", var.project))
    error_message = "project is not 3 to 16 lower-case letters, digits or hyphens that start with a letter; choose a name such as signalbox."
  }
}

variable "environment" {
  description = "Environment this belongs to: dev, staging or prod. In prod the rules against losing data hold."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "environment is none of dev, staging and prod; use one of them."
  }
}

variable "tags" {
  description = "Tags of every resource here, beside the default tags of the provider."
  type        = map(string)
  default     = {}
}

variable "vpc_id" {
  description = "The network this runs in, vpc-..."
  type        = string

  validation {
    condition     = startswith(var.vpc_id, "vpc-")
    error_message = "vpc_id does not start with vpc-; pass the output vpc_id of the module network."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts everything kept here. Its policy lets CloudWatch Logs of the region use it."
  type        = string

  validation {
    condition     = can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn is not the ARN of a key (arn:<partition>:kms:<region>:<account>:key/<id>); pass a customer key, aliases are not taken."
  }
}

variable "allowed_security_group_ids" {
  description = "Security groups that may connect; nobody else can. Normally the one of the cluster's nodes or pods."
  type        = list(string)

  validation {
    condition     = length(var.allowed_security_group_ids) > 0 && alltrue([for id in var.allowed_security_group_ids : startswith(id, "sg-")])
    error_message = "allowed_security_group_ids is empty or has an entry that is not a security group (sg-...); name the groups that connect."
  }
}

variable "alarm_topic_arns" {
  description = "SNS topics told when an alarm starts and when it ends. Empty: the alarms exist and tell nobody."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.alarm_topic_arns : can(regex("^arn:[^:]+:sns:", arn))])
    error_message = "alarm_topic_arns has an entry that is not the ARN of an SNS topic (arn:<partition>:sns:...); correct or remove it."
  }
}

variable "log_retention_days" {
  description = "Days the logs are kept, one of the values CloudWatch Logs takes. 365: long enough to look back a year after an incident."
  type        = number
  default     = 365

  validation {
    condition     = contains([7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "log_retention_days is no period CloudWatch Logs takes; use 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545 or 731."
  }
}

variable "subnet_ids" {
  description = "Private subnets, in as many zones as there are nodes, up to three."
  type        = list(string)

  validation {
    condition     = length(distinct(var.subnet_ids)) >= 2
    error_message = "subnet_ids has fewer than two different subnets; a replica needs another zone than the primary."
  }
}

variable "engine_version" {
  description = "Version of Valkey, the continuation of Redis that ElastiCache offers with user groups and at a lower price."
  type        = string
  default     = "8.0"

  validation {
    condition     = contains(["7.2", "8.0"], var.engine_version)
    error_message = "engine_version is neither 7.2 nor 8.0, which the parameter group here is written for."
  }
}

variable "node_type" {
  description = "Type of each node. cache.t4g.small (1.37 GiB) holds the sessions and the product cache of the demo many times over."
  type        = string
  default     = "cache.t4g.small"

  validation {
    condition     = can(regex("^cache\\.[a-z0-9]+\\.[a-z0-9]+$", var.node_type))
    error_message = "node_type has not the form cache.<family>.<size>, for example cache.t4g.small."
  }
}

variable "node_count" {
  description = "Nodes: one primary, the rest replicas that take over. 2, since losing all keys logs everybody out."
  type        = number
  default     = 2

  validation {
    condition     = var.node_count >= 1 && var.node_count <= 6
    error_message = "node_count is not between 1 and 6, a primary and at most five replicas."
  }

  validation {
    condition     = var.node_count >= 2 || var.environment != "prod"
    error_message = "node_count is 1 in prod, where the loss of a zone may not log everybody out; use 2 or more."
  }
}

variable "snapshot_retention_days" {
  description = "Days a daily snapshot is kept. 1: what is in it is at most a day old anyway. 0 for none."
  type        = number
  default     = 1

  validation {
    condition     = var.snapshot_retention_days >= 0 && var.snapshot_retention_days <= 35
    error_message = "snapshot_retention_days is not between 0 and 35."
  }

  validation {
    condition     = var.snapshot_retention_days >= 1 || var.environment != "prod"
    error_message = "snapshot_retention_days is 0 in prod; keep at least one."
  }
}

variable "services" {
  description = "Services that get a user of their own, and which keys it may touch. The prefixes are those of scripts/secrets."
  type        = set(string)

  validation {
    condition     = length(var.services) > 0 && alltrue([for name in var.services : can(regex("^[a-z][a-z0-9-]{0,15}$", name)) && name != "metrics"])
    error_message = "services is empty or has a name that is not 1 to 16 lower-case letters, digits or hyphens, or is metrics, the exporter's user; name the services as in services/."
  }
}
