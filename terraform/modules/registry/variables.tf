variable "project" {
  type        = string
  description = "Prefix of every name; repositories are <project>/<service>."
}

variable "environment" {
  type        = string
  description = "dev, staging or prod. In dev alone a repository that still holds images can be destroyed."

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

variable "repositories" {
  type        = set(string)
  description = "Images, one repository each."

  validation {
    condition     = length(var.repositories) > 0 && alltrue([for r in var.repositories : can(regex("^[a-z0-9][a-z0-9-]*$", r))])
    error_message = "repositories takes at least one name of lower-case letters, digits and dashes."
  }
}

variable "kms_key_arn" {
  type        = string
  description = "Key that encrypts the images."
}

variable "untagged_days" {
  type        = number
  description = "Days until an untagged image goes; 7 leaves a week to look into a failed pipeline."
  default     = 7

  validation {
    condition     = var.untagged_days >= 1 && var.untagged_days <= 7
    error_message = "untagged_days is from 1 to 7."
  }
}

variable "keep_releases" {
  type        = number
  description = "Releases that stay, one for each merged change; 30 is more than a fortnight of two a day to roll back to."
  default     = 30

  validation {
    condition     = var.keep_releases >= 5
    error_message = "keep_releases is at least 5, or a roll back finds no image."
  }
}

variable "pull_through" {
  type        = map(string)
  description = "Public registries that nodes pull from by way of this one, by a short name: <registry>/<project>-<name>/<image>. None by default, because the charts name the originals."
  default     = {}

  validation {
    condition     = alltrue([for name, url in var.pull_through : can(regex("^[a-z][a-z0-9]{1,12}$", name)) && contains(["public.ecr.aws", "quay.io", "registry.k8s.io"], url)])
    error_message = "pull_through takes names of 2 to 13 lower-case letters and digits, and public.ecr.aws, quay.io and registry.k8s.io, which ask for no login."
  }
}

variable "owns_registry_scanning" {
  type        = bool
  description = "Whether this state owns the scanning of the registry, a setting of account and region; false when another one does."
  default     = true
}
