variable "region" {
  type        = string
  description = "Region of the environment; it needs zones a, b and c."
  default     = "eu-central-1"
}

variable "owner" {
  type        = string
  description = "Team that answers for the environment; a tag of everything."
}

variable "cost_center" {
  type        = string
  description = "Cost center; a tag of everything."
}

variable "domain" {
  type        = string
  description = "Name of the environment's zone, for example prod.shop.example.com."
}

variable "wait_for_certificate" {
  type        = bool
  description = "Whether apply waits for the certificate; false for the first apply, before the parent zone delegates."
  default     = true
}

variable "emails" {
  type        = set(string)
  description = "Mail addresses of budget and alarms."
}

variable "budget_usd" {
  type        = number
  description = "US dollars a month this environment may cost; terraform/README.md has the table."
}

variable "access" {
  type = map(object({
    role_arn   = string
    policy     = string
    namespaces = optional(list(string), [])
  }))
  description = "Roles that may use the Kubernetes API; one has AmazonEKSClusterAdminPolicy (modules/eks)."
}

variable "public_access_cidrs" {
  type        = list(string)
  description = "Ranges that may reach the Kubernetes API from the internet; empty: private."
  default     = []
}

variable "addon_versions" {
  type        = map(string)
  description = "Version by add-on (terraform.tfvars.example says how to find them); prod pins all of them."
}

variable "broker_bootstrap_password" {
  type        = string
  description = "First password of the broker's operations user (modules/broker), from TF_VAR_broker_bootstrap_password."
  sensitive   = true
}

variable "node_release_version" {
  type        = string
  description = "AMI release of the nodes (terraform.tfvars.example says how to find it); prod pins it."
}

variable "copy_region" {
  type        = string
  description = "Region that holds the copies of backups."
  default     = "eu-west-1"
}

variable "guardrails" {
  type        = set(string)
  description = "Guardrails of the account switched on here: guardduty, cloudtrail, config, securityhub, block-public-access (modules/guardrails). Empty: none; they cost by use."
  default     = []
}

variable "secret_rotations" {
  type        = map(number)
  description = "A number to raise for each generated secret, as auth/database, of which AWS is to make a new value; 1 for those not named."
  default     = {}
}
