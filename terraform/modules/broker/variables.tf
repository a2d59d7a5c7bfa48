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

variable "vpc_id" {
  description = "The network this runs in, vpc-..."
  type        = string

  validation {
    condition     = startswith(var.vpc_id, "vpc-")
    error_message = "vpc_id does not start with vpc-; pass the output vpc_id of the module network."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts everything kept here. Its policy lets CloudWatch Logs of the region use it."
  type        = string

  validation {
    condition     = can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn is not the ARN of a key (arn:<partition>:kms:<region>:<account>:key/<id>); pass a customer key, aliases are not taken."
  }
}

variable "allowed_security_group_ids" {
  description = "Security groups that may connect; nobody else can. Normally the one of the cluster's nodes or pods."
  type        = list(string)

  validation {
    condition     = length(var.allowed_security_group_ids) > 0 && alltrue([for id in var.allowed_security_group_ids : startswith(id, "sg-")])
    error_message = "allowed_security_group_ids is empty or has an entry that is not a security group (sg-...); name the groups that connect."
  }
}

variable "alarm_topic_arns" {
  description = "SNS topics told when an alarm starts and when it ends. Empty: the alarms exist and tell nobody."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.alarm_topic_arns : can(regex("^arn:[^:]+:sns:", arn))])
    error_message = "alarm_topic_arns has an entry that is not the ARN of an SNS topic (arn:<partition>:sns:...); correct or remove it."
  }
}

variable "subnet_ids" {
  description = "Private subnets: the first is used for one instance, all of them for a cluster."
  type        = list(string)

  validation {
    condition     = length(distinct(var.subnet_ids)) >= 1 && length(distinct(var.subnet_ids)) == length(var.subnet_ids)
    error_message = "subnet_ids is empty or names a subnet twice; pass the private subnets of the module network."
  }

  validation {
    condition     = var.deployment_mode != "CLUSTER_MULTI_AZ" || length(var.subnet_ids) >= 2
    error_message = "subnet_ids has one subnet only, and a cluster needs more than one zone; pass the private subnets of all zones."
  }
}

variable "deployment_mode" {
  description = "CLUSTER_MULTI_AZ: three nodes in different zones, on which quorum queues survive a zone. SINGLE_INSTANCE: one node, for environments that may lose messages."
  type        = string
  default     = "CLUSTER_MULTI_AZ"

  validation {
    condition     = contains(["SINGLE_INSTANCE", "CLUSTER_MULTI_AZ"], var.deployment_mode)
    error_message = "deployment_mode is neither SINGLE_INSTANCE nor CLUSTER_MULTI_AZ, which Amazon MQ has for RabbitMQ."
  }

  validation {
    condition     = var.deployment_mode == "CLUSTER_MULTI_AZ" || var.environment != "prod"
    error_message = "deployment_mode is SINGLE_INSTANCE in prod, where acknowledged events may not be lost with a zone; use CLUSTER_MULTI_AZ."
  }
}

variable "engine_version" {
  description = "Version of RabbitMQ. 4.2, as in compose.yaml; 3.13 is the other one Amazon MQ has."
  type        = string
  default     = "4.2"

  validation {
    condition     = contains(["3.13", "4.2"], var.engine_version)
    error_message = "engine_version is neither 3.13 nor 4.2, the versions of RabbitMQ that Amazon MQ has."
  }
}

variable "instance_type" {
  description = "Type of each node. Version 4.2 runs on mq.m7g only; AWS recommends medium for trying out alone, so large is the default."
  type        = string
  default     = "mq.m7g.large"

  validation {
    condition     = can(regex("^mq\\.[a-z0-9]+\\.[a-z0-9]+$", var.instance_type))
    error_message = "instance_type has not the form mq.<family>.<size>, for example mq.m7g.large."
  }

  validation {
    condition     = var.engine_version != "4.2" || startswith(var.instance_type, "mq.m7g.")
    error_message = "instance_type is not of the family mq.m7g, the only one with RabbitMQ 4.2; choose mq.m7g.<size> or engine_version 3.13."
  }

  validation {
    condition     = !can(regex("\\.(micro|medium)$", var.instance_type)) || var.environment != "prod"
    error_message = "instance_type is a size for trying out in prod; AWS recommends mq.m7g.large and above there."
  }
}

variable "bootstrap_password" {
  description = "First password of the user operations. Amazon MQ has no other way, so it is IN THE STATE until it is changed, which is the first thing to do (README.md). Later values are ignored."
  type        = string
  sensitive   = true

  validation {
    condition     = length(var.bootstrap_password) >= 16 && length(var.bootstrap_password) <= 250 && !can(regex("[,:=]", var.bootstrap_password))
    error_message = "bootstrap_password is not 16 to 250 characters without comma, colon and equals sign, which Amazon MQ refuses; take `openssl rand -hex 24`."
  }
}

variable "max_ready_messages" {
  description = "Messages ready in all queues above which the alarm starts. 10000: about a quarter of an hour of the demo load with no consumer."
  type        = number
  default     = 10000

  validation {
    condition     = var.max_ready_messages >= 1
    error_message = "max_ready_messages is below 1; name the number of waiting messages that is too many."
  }
}
