variable "project" {
  description = "Name of the project; first part of every name made here."
  type        = string
  default     = "signalbox"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,14}[a-z0-9]$", var.project))
    error_message = "project is not 3 to 16 lower-case letters, digits or hyphens that start with a letter; choose a name such as signalbox."
  }
}

variable "environment" {
  description = "Environment that owns the guardrails of its account: dev, staging or prod."
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

variable "parts" {
  description = "What is switched on. All of it, because an account alone has none of it; leave out what an organization gives its accounts."
  type        = set(string)
  default     = ["guardduty", "cloudtrail", "config", "securityhub", "block-public-access"]

  validation {
    condition     = length(var.parts) > 0 && length(setsubtract(var.parts, local.all_parts)) == 0
    error_message = "parts is empty or names something else than guardduty, cloudtrail, config, securityhub and block-public-access; correct it, or leave the module out."
  }

  validation {
    condition     = !contains(var.parts, "securityhub") || contains(var.parts, "config") || var.config_elsewhere
    error_message = "parts has securityhub without config, whose records its checks read; add config, or say config_elsewhere when the organization records."
  }
}

variable "config_elsewhere" {
  description = "Whether something else records settings with Config in this account, so that Security Hub has what it reads."
  type        = bool
  default     = false
}

variable "public_subnet_ids" {
  description = "Subnets of internet-facing load balancers, which stay reachable from the internet; nothing else does."
  type        = list(string)

  validation {
    condition     = !contains(var.parts, "block-public-access") || length(var.public_subnet_ids) > 0
    error_message = "public_subnet_ids is empty, so no load balancer could be reached; pass the output public_subnet_ids of the module network."
  }
}

variable "topic_arn" {
  description = "SNS topic that is told of findings; its policy lets EventBridge publish (module key)."
  type        = string

  validation {
    condition     = can(regex("^arn:[^:]+:sns:", var.topic_arn))
    error_message = "topic_arn is not the ARN of an SNS topic (arn:<partition>:sns:...); pass the output alarm_topic_arn of the module key."
  }
}

variable "guardduty_severity" {
  description = "Lowest severity of a GuardDuty finding that is told, 1 to 10. 4, where medium begins: lower ones are for looking back."
  type        = number
  default     = 4

  validation {
    condition     = var.guardduty_severity >= 1 && var.guardduty_severity <= 10
    error_message = "guardduty_severity is not between 1 and 10."
  }
}

variable "record_days" {
  description = "Days that records of CloudTrail and Config stay. 400: a year and a month, to look back a year after an incident."
  type        = number
  default     = 400

  validation {
    condition     = var.record_days >= 90
    error_message = "record_days is below 90; an intrusion is often seen only after months."
  }
}
