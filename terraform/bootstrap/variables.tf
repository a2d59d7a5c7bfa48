variable "project" {
  type        = string
  description = "First part of every name."
  default     = "signalbox"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}$", var.project))
    error_message = "project is 2 to 21 lower-case letters, digits and dashes: it becomes part of a bucket's name."
  }
}

variable "region" {
  type        = string
  description = "Region of the state bucket; the environments may be in others."
  default     = "eu-central-1"
}

variable "repository" {
  type        = string
  description = "GitHub repository whose pipeline takes the roles, as owner/name."

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", var.repository))
    error_message = "repository is owner/name without a wildcard: another repository could take the roles."
  }
}

variable "environments" {
  type        = set(string)
  description = "Environments of this account; each gets a role that plans and one that applies."
  default     = ["dev", "staging", "prod"]

  validation {
    condition     = length(var.environments) > 0 && length(setsubtract(var.environments, ["dev", "staging", "prod"])) == 0
    error_message = "environments takes dev, staging and prod."
  }
}

variable "old_versions_days" {
  type        = number
  description = "Days that replaced versions of a state stay; the newest ten always do."
  default     = 90

  validation {
    condition     = var.old_versions_days >= 30
    error_message = "old_versions_days is at least 30: a state is looked for when something went wrong."
  }
}

variable "pull_through" {
  type        = map(string)
  description = "Public registries that nodes pull from by way of this account's (modules/registry)."
  default     = {}
}

variable "owner" {
  type        = string
  description = "Team that answers for what is here; a tag of everything."
  default     = "platform"
}

variable "cost_center" {
  type        = string
  description = "Cost center; a tag of everything. By default the project, until accounting has a name for it."
  default     = "signalbox"
}
