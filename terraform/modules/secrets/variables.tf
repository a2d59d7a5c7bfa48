variable "project" {
  type        = string
  description = "First part of every name."
}

variable "environment" {
  type        = string
  description = "dev, staging or prod; the second part of every name."

  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "environment is dev, staging or prod."
  }
}

variable "tags" {
  type        = map(string)
  description = "Tags of every resource, on top of the provider's default_tags."
  default     = {}
}

variable "kms_key_arn" {
  type        = string
  description = "Key that encrypts the secrets."
}

variable "secrets" {
  type = map(object({
    description = string
    generate    = optional(bool, false)
    length      = optional(number, 40)
    rotation    = optional(number, 1)
  }))
  description = "Secrets as <service>/<what>: what it is for, whether AWS makes the value, its length, and a number to raise to have a new one."

  validation {
    condition     = alltrue([for name, _ in var.secrets : can(regex("^[a-z-]+/[a-z-]+$", name))])
    error_message = "secrets are named <service>/<what> in lower-case letters and dashes, for example auth/database."
  }

  validation {
    condition     = alltrue([for secret in var.secrets : secret.length >= 32])
    error_message = "secrets.length is at least 32 characters."
  }
}

variable "given_rotation" {
  type        = map(number)
  description = "For each secret of `given`, a number; raising it writes the value again."
  default     = {}

  validation {
    condition     = alltrue([for name, _ in var.given_rotation : try(!var.secrets[name].generate, false)])
    error_message = "given_rotation names secrets of `secrets` that are not generated."
  }
}

variable "given" {
  type        = map(string)
  description = "Values of the secrets named in given_rotation; ephemeral: in no plan and no state."
  default     = {}
  ephemeral   = true
  sensitive   = true
}

variable "other_secret_arns" {
  type        = list(string)
  description = "Secrets other services own that the cluster reads too, as the database's managed password."
  default     = []
}
