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

variable "domain" {
  type        = string
  description = "Name of the environment's zone, for example dev.shop.example.com; the parent zone delegates to it."

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "domain is a host name in lower case without a dot at its end."
  }
}

variable "wait_for_certificate" {
  type        = bool
  description = "Whether apply waits for the certificate; false for the first apply, before the parent zone delegates."
  default     = true
}
