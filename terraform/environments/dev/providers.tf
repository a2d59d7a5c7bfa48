locals {
  default_tags = {
    project     = "signalbox"
    environment = "dev"
    owner       = var.owner
    cost-center = var.cost_center
    managed-by  = "terraform/environments/dev"
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = local.default_tags
  }
}
