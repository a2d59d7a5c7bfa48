variable "project" {
  type        = string
  description = "First part of every name."
  default     = "signalbox"
}

variable "environment" {
  type        = string
  description = "dev, staging or prod; the second part of every name. The modules hold prod to stricter rules."
}

variable "tags" {
  type        = map(string)
  description = "Tags of every resource, on top of the provider's default_tags."
  default     = {}
}

variable "domain" {
  type        = string
  description = "Name of the environment's zone; the gateway answers at api.<domain>."
}

variable "wait_for_certificate" {
  type        = bool
  description = "Whether apply waits for the certificate; false for the first apply, before the parent zone delegates."
  default     = true
}

variable "emails" {
  type        = set(string)
  description = "Mail addresses of budget and alarms of AWS services."
}

variable "budget_usd" {
  type        = number
  description = "US dollars a month this environment may cost."
}

variable "cidr" {
  type        = string
  description = "Range of the VPC; different per environment, so that they can be peered."
}

variable "nat_gateways" {
  type        = number
  description = "NAT gateways; prod takes one per zone."
  default     = 1
}

variable "interface_endpoints" {
  type        = bool
  description = "Interface endpoints for AWS services; billed by hour and zone each."
  default     = false
}

variable "cluster" {
  type = object({
    kubernetes_version   = optional(string, "1.35")
    compute              = optional(string, "managed")
    architecture         = optional(string, "arm64")
    instance_types       = optional(list(string), ["m7g.large"])
    nodes                = optional(object({ min = number, desired = number, max = number }), { min = 2, desired = 2, max = 4 })
    addon_versions       = optional(map(string), {})
    public_access_cidrs  = optional(list(string), [])
    node_release_version = optional(string)
    log_retention_days   = optional(number, 90)
  })
  description = "The cluster; module eks says what each key means."
  default     = {}
}

variable "access" {
  type = map(object({
    role_arn   = string
    policy     = string
    namespaces = optional(list(string), [])
  }))
  description = "Roles that may use the Kubernetes API; module eks says what each key means."
}

variable "managed_data" {
  type        = bool
  description = "Whether Postgres, Redis, RabbitMQ and their backups are AWS's; false: operators run them in the cluster."
  default     = true
}

variable "postgres" {
  type = object({
    instance_class            = optional(string, "db.t4g.small")
    allocated_storage_gib     = optional(number, 20)
    max_allocated_storage_gib = optional(number, 100)
    multi_az                  = optional(bool, true)
    deletion_protection       = optional(bool, true)
    skip_final_snapshot       = optional(bool, false)
  })
  description = "Size and protection of Postgres; module postgres says what each key means."
  default     = {}
}

variable "redis" {
  type = object({
    node_type  = optional(string, "cache.t4g.small")
    node_count = optional(number, 2)
  })
  description = "Size of Redis; module redis says what each key means."
  default     = {}
}

variable "broker" {
  type = object({
    instance_type   = optional(string, "mq.m7g.large")
    deployment_mode = optional(string, "CLUSTER_MULTI_AZ")
  })
  description = "Size of RabbitMQ; module broker says what each key means."
  default     = {}
}

variable "broker_bootstrap_password" {
  type        = string
  description = "First password of the broker's operations user; stays in the state until it is changed (module broker). From TF_VAR_broker_bootstrap_password."
  default     = null
  sensitive   = true

  validation {
    condition     = !var.managed_data || var.broker_bootstrap_password != null
    error_message = "broker_bootstrap_password is needed with managed_data; set TF_VAR_broker_bootstrap_password to the output of openssl rand -hex 24."
  }
}

variable "secret_rotations" {
  type        = map(number)
  description = "For each generated secret, as auth/database, a number to raise when AWS is to make a new value; 1 for those not named."
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.secret_rotations), keys(local.generated))) == 0 && alltrue([for number in var.secret_rotations : number >= 1])
    error_message = "secret_rotations names something else than a generated secret (auth/database, see modules/stack/secrets.tf), or a number below 1; correct it."
  }
}

variable "guardrails" {
  type        = set(string)
  description = "Guardrails of the account this environment switches on (module guardrails, parts); empty: none. One environment of an account."
  default     = []
}

variable "copy_to_vault_arn" {
  type        = string
  description = "Vault in another region that gets a copy of every backup; empty: none, which prod refuses."
  default     = ""
}

variable "managed_metrics" {
  type        = bool
  description = "Whether Prometheus also sends to a managed workspace that outlives the cluster; billed by sample."
  default     = false
}
