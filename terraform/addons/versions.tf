terraform {
  required_version = ">= 1.11, < 2"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }

  # A state of its own beside the one of the cluster: terraform init -backend-config=bucket=... -backend-config=key=...
  backend "s3" {
    use_lockfile = true
    encrypt      = true
  }
}
