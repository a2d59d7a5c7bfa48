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

variable "oidc_provider_arn" {
  description = "OIDC provider of the cluster, when programs get their role through it (IRSA). Empty when cluster_name is set."
  type        = string
  default     = ""

  validation {
    condition     = var.oidc_provider_arn == "" || can(regex("^arn:[^:]+:iam::[0-9]{12}:oidc-provider/", var.oidc_provider_arn))
    error_message = "oidc_provider_arn is not the ARN of an OIDC provider (arn:<partition>:iam::<account>:oidc-provider/...); pass the output of the module eks."
  }
}

variable "oidc_issuer" {
  description = "Issuer of the cluster without https://, oidc.eks.<region>.amazonaws.com/id/... Empty when cluster_name is set."
  type        = string
  default     = ""

  validation {
    condition     = !startswith(var.oidc_issuer, "https://")
    error_message = "oidc_issuer starts with https://; conditions of policies name it without, so cut that off."
  }

  validation {
    condition     = (var.oidc_issuer == "") == (var.oidc_provider_arn == "")
    error_message = "oidc_issuer and oidc_provider_arn belong together and one of them is empty; set both or neither."
  }
}

variable "cluster_name" {
  description = "Cluster whose programs get their role by EKS Pod Identity, which is preferred. Empty: by oidc_provider_arn and oidc_issuer."
  type        = string
  default     = ""

  validation {
    condition     = (var.cluster_name == "") != (var.oidc_provider_arn == "")
    error_message = "cluster_name and oidc_provider_arn are both set or both empty, so it is open how programs get their role; set cluster_name for Pod Identity, or the two of OIDC."
  }
}

variable "namespace" {
  description = "Namespace the programs run in; only its service accounts get the roles."
  type        = string
  default     = "observability"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.namespace))
    error_message = "namespace is not a name Kubernetes takes (lower-case letters, digits, hyphens); use the one the chart is installed in."
  }
}

variable "log_retention_days" {
  description = "Days Loki's data stays, by the life cycle of the bucket. Above the 7 days (168h) Loki itself deletes after, so that the bucket is only the net below it."
  type        = number
  default     = 35

  validation {
    condition     = var.log_retention_days >= 8 && var.log_retention_days <= 3650
    error_message = "log_retention_days is not between 8 and 3650; below 8 the bucket deletes what Loki (retention_period 168h) still answers from."
  }
}

variable "trace_retention_days" {
  description = "Days archived traces stay. 30: what a question after an incident asks for."
  type        = number
  default     = 30

  validation {
    condition     = var.trace_retention_days >= 1 && var.trace_retention_days <= 3650
    error_message = "trace_retention_days is not between 1 and 3650."
  }
}

variable "access_log_retention_days" {
  description = "Days the record of who read the buckets stays. 365: an intrusion is often found months later."
  type        = number
  default     = 365

  validation {
    condition     = var.access_log_retention_days >= 90
    error_message = "access_log_retention_days is below 90, too short to look into an intrusion; use 90 or more."
  }
}

variable "managed_metrics" {
  description = "Whether Prometheus also sends its metrics to a managed workspace, which outlives the cluster. Costs by sample."
  type        = bool
  default     = false
}

variable "force_destroy" {
  description = "Whether the buckets may be deleted with what is in them. Only for environments that are thrown away."
  type        = bool
  default     = false

  validation {
    condition     = !var.force_destroy || var.environment != "prod"
    error_message = "force_destroy is true in prod, where a mistake may not delete logs and traces; set it to false."
  }
}
