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
  description = "Private subnets in at least two zones, so that the standby has another zone to stand in."
  type        = list(string)

  validation {
    condition     = length(distinct(var.subnet_ids)) >= 2
    error_message = "subnet_ids has fewer than two different subnets; RDS needs two zones, even for one instance."
  }
}

variable "engine_version" {
  description = "Major version of PostgreSQL. 17 is what compose.yaml runs; RDS picks and upgrades the minor version."
  type        = string
  default     = "17"

  validation {
    condition     = contains(["15", "16", "17"], var.engine_version)
    error_message = "engine_version is none of 15, 16 and 17, which the migrations are tested on; name the major version only."
  }
}

variable "instance_class" {
  description = "Class of the instance. db.t4g.small (2 GiB) carries the demo load."
  type        = string
  default     = "db.t4g.small"

  validation {
    condition     = can(regex("^db\\.[a-z0-9]+\\.[a-z0-9]+$", var.instance_class))
    error_message = "instance_class has not the form db.<family>.<size>, for example db.t4g.small."
  }
}

variable "allocated_storage_gib" {
  description = "GiB of gp3 storage to start with. 20 is the least RDS takes."
  type        = number
  default     = 20

  validation {
    condition     = var.allocated_storage_gib >= 20 && var.allocated_storage_gib <= 65536
    error_message = "allocated_storage_gib is not between 20 and 65536, the limits of gp3 on RDS."
  }
}

variable "max_allocated_storage_gib" {
  description = "GiB up to which storage grows by itself. A full disk stops all writes, so this is well above the start."
  type        = number
  default     = 100

  validation {
    condition     = var.max_allocated_storage_gib >= ceil(var.allocated_storage_gib * 1.1)
    error_message = "max_allocated_storage_gib is not at least 10 % above allocated_storage_gib, the least step RDS grows by; raise it."
  }
}

variable "max_connections" {
  description = "Connections the server takes. 200 as in compose.yaml: pools of all services, twice during a roll-out, and tools."
  type        = number
  default     = 200

  validation {
    condition     = var.max_connections >= 50 && var.max_connections <= 5000
    error_message = "max_connections is not between 50 and 5000; below 50 the pools of the services do not fit beside a roll-out."
  }
}

variable "multi_az" {
  description = "Whether a standby in another zone takes over. Doubles the price of instance and storage."
  type        = bool
  default     = true

  validation {
    condition     = var.multi_az || var.environment != "prod"
    error_message = "multi_az is false in prod, where losing a zone may not stop the system; set it to true."
  }
}

variable "backup_retention_days" {
  description = "Days to any second of which the database can be set back. 14, because a fault in data is often seen only after a week."
  type        = number
  default     = 14

  validation {
    condition     = var.backup_retention_days >= 7 && var.backup_retention_days <= 35
    error_message = "backup_retention_days is not between 7 and 35, which is the most RDS keeps."
  }

  validation {
    condition     = var.backup_retention_days >= 14 || var.environment != "prod"
    error_message = "backup_retention_days is below 14 in prod; raise it to 14 or more."
  }
}

variable "deletion_protection" {
  description = "Whether the database refuses to be deleted. Turned off on purpose, in a change of its own, before tearing down."
  type        = bool
  default     = true

  validation {
    condition     = var.deletion_protection || var.environment != "prod"
    error_message = "deletion_protection is false in prod; set it to true. docs/deploy.md says how to tear down."
  }
}

variable "skip_final_snapshot" {
  description = "Whether deleting keeps no last snapshot. Only for environments that are thrown away."
  type        = bool
  default     = false

  validation {
    condition     = !var.skip_final_snapshot || var.environment != "prod"
    error_message = "skip_final_snapshot is true in prod, where a deleted database must stay recoverable; set it to false."
  }
}

variable "monitoring_interval_s" {
  description = "Seconds between readings of the operating system (enhanced monitoring). 60 costs little; 0, which turns it off, is not taken."
  type        = number
  default     = 60

  validation {
    condition     = contains([1, 5, 10, 15, 30, 60], var.monitoring_interval_s)
    error_message = "monitoring_interval_s is none of 1, 5, 10, 15, 30 and 60, which RDS takes."
  }
}

variable "backup_window" {
  description = "Daily half hour or more for the snapshot, UTC, hh:mm-hh:mm. At night in Europe, outside the maintenance window."
  type        = string
  default     = "02:00-02:45"

  validation {
    condition     = can(regex("^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$", var.backup_window))
    error_message = "backup_window has not the form hh:mm-hh:mm in UTC, for example 02:00-02:45."
  }
}

variable "maintenance_window" {
  description = "Weekly window for minor versions, UTC, ddd:hh:mm-ddd:hh:mm. Tuesday, when people are there the whole day after."
  type        = string
  default     = "tue:03:30-tue:04:30"

  validation {
    condition     = can(regex("^(mon|tue|wed|thu|fri|sat|sun):[0-2][0-9]:[0-5][0-9]-(mon|tue|wed|thu|fri|sat|sun):[0-2][0-9]:[0-5][0-9]$", var.maintenance_window))
    error_message = "maintenance_window has not the form ddd:hh:mm-ddd:hh:mm in UTC, for example tue:03:30-tue:04:30."
  }
}
