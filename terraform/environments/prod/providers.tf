locals {
  default_tags = {
    project     = "signalbox"
    environment = "prod"
    owner       = var.owner
    cost-center = var.cost_center
    managed-by  = "terraform/environments/prod"
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = local.default_tags
  }
}

# Backups are copied here, so that they outlive the region.
provider "aws" {
  alias  = "copy"
  region = var.copy_region

  default_tags {
    tags = local.default_tags
  }
}
