# Bucket and key of the state come at init: -backend-config=bucket=... -backend-config=kms_key_id=... (outputs of bootstrap).
terraform {
  required_version = ">= 1.11, < 2"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }

  backend "s3" {
    key          = "staging/main.tfstate"
    region       = "eu-central-1"
    encrypt      = true
    use_lockfile = true
  }
}
