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

variable "kms_key_arn" {
  description = "Key that encrypts everything kept here. Its policy lets CloudWatch Logs of the region use it."
  type        = string

  validation {
    condition     = can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn is not the ARN of a key (arn:<partition>:kms:<region>:<account>:key/<id>); pass a customer key, aliases are not taken."
  }
}

variable "daily_retention_days" {
  description = "Days a daily backup is kept. 35: five weeks, a month and a little."
  type        = number
  default     = 35

  validation {
    condition     = var.daily_retention_days >= 7 && var.daily_retention_days <= 365
    error_message = "daily_retention_days is not between 7 and 365; fewer than 7 do not reach back over a long weekend."
  }
}

variable "monthly_retention_days" {
  description = "Days the backup of the first of a month is kept. 365: a year."
  type        = number
  default     = 365

  validation {
    condition     = var.monthly_retention_days >= var.daily_retention_days
    error_message = "monthly_retention_days is below daily_retention_days, so the monthly backups add nothing; raise it."
  }
}

variable "lock" {
  description = "Whether nobody may delete backups early. In prod always: who steals an administrator's rights otherwise deletes them first."
  type        = bool
  default     = true

  validation {
    condition     = var.lock || var.environment != "prod"
    error_message = "lock is false in prod; set it to true."
  }
}

variable "lock_changeable_days" {
  description = "Days after which the lock can never be lifted again, by nobody, AWS included. 0: it stays removable by who has the right. Set it only when the retention is final."
  type        = number
  default     = 0

  validation {
    condition     = var.lock_changeable_days == 0 || var.lock_changeable_days >= 3
    error_message = "lock_changeable_days is 1 or 2, and AWS asks for at least 3 days to think again; use 0 or 3 and more."
  }
}

variable "vault_only" {
  description = "Whether only the vault is made: for the region that takes the copies."
  type        = bool
  default     = false
}

variable "copy_to_vault_arn" {
  description = "Vault in another region that gets a copy of every backup; the output vault_arn of this module there. Empty: no copies."
  type        = string
  default     = ""

  validation {
    condition     = var.copy_to_vault_arn == "" || can(regex("^arn:[^:]+:backup:[^:]+:[0-9]{12}:backup-vault:", var.copy_to_vault_arn))
    error_message = "copy_to_vault_arn is not the ARN of a backup vault (arn:<partition>:backup:<region>:<account>:backup-vault:<name>); pass the output vault_arn."
  }

  validation {
    condition     = var.copy_to_vault_arn != "" || var.vault_only || var.environment != "prod"
    error_message = "copy_to_vault_arn is empty in prod, where backups must outlive a region; make this module a second time there with vault_only = true and pass its vault_arn."
  }
}

variable "notification_topic_arn" {
  description = "SNS topic told of backups, copies and restores that failed. Empty: nobody is told."
  type        = string
  default     = ""

  validation {
    condition     = var.notification_topic_arn == "" || can(regex("^arn:[^:]+:sns:", var.notification_topic_arn))
    error_message = "notification_topic_arn is not the ARN of an SNS topic (arn:<partition>:sns:...); correct it or leave it empty."
  }
}

variable "restore_test_subnet_group" {
  description = "DB subnet group the weekly restore test runs in; the name of the module postgres' group. Empty: no restore test."
  type        = string
  default     = ""

  validation {
    condition     = var.restore_test_subnet_group != "" || var.vault_only || var.environment != "prod"
    error_message = "restore_test_subnet_group is empty in prod, and a backup nobody restored does not count; pass the subnet group of the module postgres."
  }
}
