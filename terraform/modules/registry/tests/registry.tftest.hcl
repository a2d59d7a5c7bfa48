mock_provider "aws" {}

variables {
  project     = "signalbox"
  environment = "prod"
  kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000000"

  repositories = ["gateway", "auth"]
}

run "repositories" {
  command = plan

  assert {
    condition     = toset(keys(aws_ecr_repository.service)) == toset(["auth", "gateway"])
    error_message = "one repository per image"
  }
  assert {
    condition     = alltrue([for r in aws_ecr_repository.service : r.image_tag_mutability == "IMMUTABLE"])
    error_message = "a tag can be moved to another image"
  }
  assert {
    condition     = alltrue([for r in aws_ecr_repository.service : r.encryption_configuration[0].encryption_type == "KMS" && r.encryption_configuration[0].kms_key == var.kms_key_arn])
    error_message = "images are not encrypted with the given key"
  }
  assert {
    condition     = alltrue([for r in aws_ecr_repository.service : r.image_scanning_configuration[0].scan_on_push])
    error_message = "images are not scanned on push"
  }
  assert {
    condition     = alltrue([for r in aws_ecr_repository.service : !r.force_delete])
    error_message = "prod images can be destroyed with their repository"
  }
  assert {
    condition     = jsondecode(aws_ecr_lifecycle_policy.service["auth"].policy).rules[1].selection == { tagStatus = "tagged", tagPatternList = ["*"], countType = "imageCountMoreThan", countNumber = 120 }
    error_message = "30 releases do not stay"
  }
  assert {
    condition     = jsondecode(aws_ecr_lifecycle_policy.service["auth"].policy).rules[0].selection.tagStatus == "untagged"
    error_message = "untagged images are not dropped first"
  }
  assert {
    condition     = aws_ecr_registry_scanning_configuration.registry[0].scan_type == "ENHANCED"
    error_message = "the registry is not scanned continuously"
  }
}

run "a_second_environment_of_the_account" {
  command = plan
  variables {
    environment            = "dev"
    owns_registry_scanning = false
    repositories           = ["gateway"]
  }

  assert {
    condition     = length(aws_ecr_registry_scanning_configuration.registry) == 0
    error_message = "two states own the registry's scanning"
  }
  assert {
    condition     = aws_ecr_repository.service["gateway"].force_delete
    error_message = "a dev environment cannot be torn down"
  }
}

run "wrong_environment" {
  command = plan
  variables { environment = "production" }
  expect_failures = [var.environment]
}

run "no_repository" {
  command = plan
  variables { repositories = [] }
  expect_failures = [var.repositories]
}

run "untagged_images_too_long" {
  command = plan
  variables { untagged_days = 30 }
  expect_failures = [var.untagged_days]
}

run "too_few_releases" {
  command = plan
  variables { keep_releases = 1 }
  expect_failures = [var.keep_releases]
}

run "images_of_others" {
  command = plan
  variables { pull_through = { quay = "quay.io", k8s = "registry.k8s.io" } }

  assert {
    condition     = { for name, rule in aws_ecr_pull_through_cache_rule.public : rule.ecr_repository_prefix => rule.upstream_registry_url } == { signalbox-quay = "quay.io", signalbox-k8s = "registry.k8s.io" }
    error_message = "images of others come from elsewhere than asked"
  }
}

run "a_registry_with_a_login" {
  command = plan
  variables { pull_through = { hub = "registry-1.docker.io" } }
  expect_failures = [var.pull_through]
}
