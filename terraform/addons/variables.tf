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
  description = "Environment the cluster belongs to: dev, staging or prod."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "environment is none of dev, staging and prod; use one of them."
  }
}

variable "region" {
  description = "Region of the cluster."
  type        = string
  default     = "eu-central-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is no AWS region, for example eu-central-1."
  }
}

variable "cluster_name" {
  description = "Name of the cluster, the output cluster_name of the environment. A plain name, so that this state plans without the other."
  type        = string

  validation {
    condition     = can(regex("^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$", var.cluster_name))
    error_message = "cluster_name is no name EKS takes; pass the output cluster_name of the environment."
  }
}

variable "load_balancer_namespace" {
  description = "Namespace of the AWS Load Balancer Controller; only its service account there gets the role."
  type        = string
  default     = "kube-system"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.load_balancer_namespace))
    error_message = "load_balancer_namespace is not a name Kubernetes takes (lower-case letters, digits, hyphens)."
  }
}

variable "owner" {
  description = "Team that answers for what is here; a tag of everything."
  type        = string
  default     = "platform"
}

variable "cost_center" {
  description = "Cost center; a tag of everything. By default the project, until accounting has a name for it."
  type        = string
  default     = "signalbox"
}
