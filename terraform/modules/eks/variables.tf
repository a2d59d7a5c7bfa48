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
  description = "Key that encrypts Kubernetes secrets, control plane logs and the disks of nodes."
}

variable "subnet_ids" {
  type        = list(string)
  description = "Private subnets of the nodes, one per zone."

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids takes at least two subnets; EKS refuses fewer."
  }
}

variable "kubernetes_version" {
  type        = string
  description = "Minor version of Kubernetes; 1.35 is in standard support until 2027-03-27."
  default     = "1.35"

  validation {
    condition     = can(regex("^1\\.(3[4-9]|[4-9][0-9])$", var.kubernetes_version))
    error_message = "kubernetes_version is a minor version of standard support, 1.34 or newer."
  }
}

variable "public_access_cidrs" {
  type        = list(string)
  description = "Ranges that may reach the API from the internet; none by default: the API is private."
  default     = []

  validation {
    condition = alltrue([for cidr in var.public_access_cidrs :
      can(cidrhost(cidr, 0)) && try(tonumber(split("/", cidr)[1]) >= 16, false)
    ])
    error_message = "public_access_cidrs takes ranges of /16 or smaller, never 0.0.0.0/0; leave it empty for a private API."
  }
}

variable "access" {
  type = map(object({
    role_arn   = string
    policy     = string
    namespaces = optional(list(string), [])
  }))
  description = "Roles that may use the API, with an EKS access policy, in the whole cluster or in namespaces."

  validation {
    condition = alltrue([for entry in var.access : contains(
      ["AmazonEKSClusterAdminPolicy", "AmazonEKSAdminPolicy", "AmazonEKSEditPolicy", "AmazonEKSViewPolicy"], entry.policy
    )])
    error_message = "access.policy is AmazonEKSClusterAdminPolicy, AmazonEKSAdminPolicy, AmazonEKSEditPolicy or AmazonEKSViewPolicy."
  }

  validation {
    condition     = anytrue([for entry in var.access : entry.policy == "AmazonEKSClusterAdminPolicy" && length(entry.namespaces) == 0])
    error_message = "access needs one AmazonEKSClusterAdminPolicy for the whole cluster: its creator gets no rights of its own."
  }
}

variable "compute" {
  type        = string
  description = "Who brings the nodes: managed (one node group), karpenter (small group and Karpenter) or auto (EKS Auto Mode)."
  default     = "managed"

  validation {
    condition     = contains(["managed", "karpenter", "auto"], var.compute)
    error_message = "compute is managed, karpenter or auto."
  }
}

variable "architecture" {
  type        = string
  description = "Processor of the node group: arm64 (Graviton) or x86_64; instance_types must have it."
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture is arm64 or x86_64."
  }
}

variable "instance_types" {
  type        = list(string)
  description = "Instance types of the node group, the first preferred."
  default     = ["m7g.large"]

  validation {
    condition     = length(var.instance_types) > 0 && alltrue([for t in var.instance_types : can(regex("^[a-z]+[0-9]g[a-z]*\\.", t)) == (var.architecture == "arm64")])
    error_message = "instance_types takes at least one type, and all of them have the processor that architecture names (m7g.large for arm64)."
  }
}

variable "nodes" {
  type        = object({ min = number, desired = number, max = number })
  description = "Size of the node group; with karpenter it carries the cluster's own parts only."
  default     = { min = 2, desired = 2, max = 4 }

  validation {
    condition     = var.nodes.min >= 1 && var.nodes.min <= var.nodes.desired && var.nodes.desired <= var.nodes.max
    error_message = "nodes has 1 <= min <= desired <= max."
  }

  validation {
    condition     = var.environment != "prod" || var.compute == "auto" || var.nodes.min >= 3
    error_message = "prod keeps at least three nodes, one per zone."
  }
}

variable "node_disk_gib" {
  type        = number
  description = "Disk of a node in GiB; 50 holds the images of all services twice over."
  default     = 50

  validation {
    condition     = var.node_disk_gib >= 20
    error_message = "node_disk_gib is at least 20, the size of the image."
  }
}

variable "node_release_version" {
  type        = string
  description = "AMI release of the nodes (aws ssm get-parameter names them); null takes the newest at creation."
  default     = null

  validation {
    condition     = var.node_release_version == null || can(regex("^1\\.[0-9]+\\.[0-9]+-20[0-9]{6}$", var.node_release_version))
    error_message = "node_release_version is no AMI release (1.35.1-20260917); aws ssm get-parameter --name /aws/service/eks/optimized-ami/<version>/amazon-linux-2023/<architecture>/standard/recommended/release_version says the newest."
  }

  validation {
    condition     = var.node_release_version != null || var.environment != "prod" || var.compute == "auto"
    error_message = "node_release_version is not given in prod, where a node is never of another image than the one before by chance; pin it."
  }
}

variable "addon_versions" {
  type        = map(string)
  description = "Version by add-on (aws eks describe-addon-versions lists them); one that is not named gets EKS's default for the cluster."
  default     = {}

  validation {
    condition     = var.environment != "prod" || length(setsubtract(local.addon_names, keys(var.addon_versions))) == 0
    error_message = "prod pins every add-on; addon_versions lacks some. aws eks describe-addon-versions lists the versions."
  }

  validation {
    condition     = alltrue([for version in var.addon_versions : can(regex("^v[0-9]+\\.[0-9]+\\.[0-9]+-eksbuild\\.[1-9][0-9]*$", version)) && !startswith(version, "v0.0.0-")])
    error_message = "addon_versions has an entry that is no version of an add-on (v1.2.3-eksbuild.4); aws eks describe-addon-versions lists the versions."
  }
}

variable "log_retention_days" {
  type        = number
  description = "Days that control plane logs stay, audit log included."
  default     = 90

  validation {
    condition     = contains([30, 60, 90, 180, 365, 400], var.log_retention_days)
    error_message = "log_retention_days is 30, 60, 90, 180, 365 or 400."
  }
}

variable "workloads" {
  type = map(object({
    namespace       = string
    service_account = string
    policy          = string
  }))
  description = "Roles for service accounts by name: namespace, service account and policy (JSON). No policy may name every resource."
  default     = {}

  validation {
    condition = alltrue([for workload in var.workloads : alltrue([
      for statement in try(flatten([jsondecode(workload.policy).Statement]), [{ Resource = "*" }]) :
      !contains(try(flatten([statement.Resource]), ["*"]), "*")
    ])])
    error_message = "workloads.policy is a policy document whose statements name their resources; \"*\" alone is refused."
  }
}
