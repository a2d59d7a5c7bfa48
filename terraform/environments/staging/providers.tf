locals {
  default_tags = {
    project     = "signalbox"
    environment = "staging"
    owner       = var.owner
    cost-center = var.cost_center
    managed-by  = "terraform/environments/staging"
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = local.default_tags
  }
}
