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
  description = "Key that encrypts the flow logs; its policy must let CloudWatch Logs use it."
}

variable "cidr" {
  type        = string
  description = "Range of the VPC, /16 to /18: every pod takes an address, and a private subnet is a quarter of the range."
  default     = "10.0.0.0/16"

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 18, false)
    error_message = "cidr is an IPv4 range from /16 to /18, for example 10.0.0.0/16."
  }
}

variable "zones" {
  type        = list(string)
  description = "Availability zones by name; three, so that a quorum survives the loss of one."

  validation {
    condition     = length(var.zones) >= 2 && length(var.zones) <= 3 && length(distinct(var.zones)) == length(var.zones)
    error_message = "zones names two or three different availability zones."
  }

  validation {
    condition     = var.environment != "prod" || length(var.zones) == 3
    error_message = "prod takes three zones: quorum queues and database failover need a majority."
  }
}

variable "nat_gateways" {
  type        = number
  description = "NAT gateways, in the first so many zones. One is cheapest; one per zone survives the loss of a zone."
  default     = 1

  validation {
    condition     = var.nat_gateways >= 1 && var.nat_gateways <= length(var.zones)
    error_message = "nat_gateways is from 1 to the number of zones."
  }

  validation {
    condition     = var.environment != "prod" || var.nat_gateways == length(var.zones)
    error_message = "prod takes one NAT gateway per zone, or the loss of one zone cuts off the others."
  }
}

variable "interface_endpoints" {
  type        = bool
  description = "Interface endpoints for ECR, STS, CloudWatch Logs, Secrets Manager and EKS Auth; billed by hour and zone each."
  default     = false
}

variable "flow_log_days" {
  type        = number
  description = "Days that flow logs stay; a value CloudWatch Logs knows."
  default     = 30

  validation {
    condition     = contains([14, 30, 60, 90, 180, 365, 400], var.flow_log_days)
    error_message = "flow_log_days is 14, 30, 60, 90, 180, 365 or 400."
  }
}
