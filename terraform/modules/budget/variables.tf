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

variable "limit_usd" {
  description = "US dollars a month this environment may cost. No default: it is a decision; terraform/README.md has the table to start from."
  type        = number

  validation {
    condition     = var.limit_usd >= 1
    error_message = "limit_usd is below 1 US dollar a month; name what the environment may cost, the table in terraform/README.md helps."
  }
}

variable "emails" {
  description = "Addresses that get the mails, 1 to 10."
  type        = list(string)

  validation {
    condition     = length(var.emails) >= 1 && length(var.emails) <= 10 && alltrue([for email in var.emails : can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", email))])
    error_message = "emails has not 1 to 10 entries or one that is no e-mail address; a budget that tells nobody limits nothing."
  }
}

variable "actual_percent" {
  description = "Shares of the limit, in percent, at which what was spent is told."
  type        = set(number)
  default     = [50, 80, 100]

  validation {
    condition     = length(var.actual_percent) >= 1 && length(var.actual_percent) <= 4 && alltrue([for share in var.actual_percent : share > 0 && share <= 200])
    error_message = "actual_percent has not 1 to 4 shares above 0 and up to 200; a budget holds five mails, and one is for the forecast."
  }
}

variable "anomaly_usd" {
  description = "US dollars above the usual from which a sudden cost is told the same day. 20: about a forgotten mid-size instance over a weekend."
  type        = number
  default     = 20

  validation {
    condition     = var.anomaly_usd >= 1
    error_message = "anomaly_usd is below 1 US dollar, which is noise; raise it."
  }
}
