# One repository per image. Tags are immutable, so what was scanned and signed is what runs.

locals {
  tags_of_a_release = 4 # two architectures, the image that joins them, its signature (scripts/publish-images)
}

resource "aws_ecr_repository" "service" {
  for_each = var.repositories

  name                 = "${var.project}/${each.value}"
  image_tag_mutability = "IMMUTABLE"
  force_delete         = var.environment == "dev"
  tags                 = var.tags

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = var.kms_key_arn
  }

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_lifecycle_policy" "service" {
  for_each = aws_ecr_repository.service

  repository = each.value.name
  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "untagged images go after ${var.untagged_days} days"
        selection = {
          tagStatus   = "untagged"
          countType   = "sinceImagePushed"
          countUnit   = "days"
          countNumber = var.untagged_days
        }
        action = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "the newest ${var.keep_releases} releases stay"
        selection = {
          tagStatus      = "tagged"
          tagPatternList = ["*"] # tags are commits
          countType      = "imageCountMoreThan"
          countNumber    = var.keep_releases * local.tags_of_a_release
        }
        action = { type = "expire" }
      },
    ]
  })
}

# Images of others by way of this registry: scanned as ours are, and there when theirs is not. Only registries that ask for no login.
# The first pull of an image makes its repository, which takes ecr:CreateRepository: a person does it once, nodes may not.
resource "aws_ecr_pull_through_cache_rule" "public" {
  for_each = var.pull_through

  ecr_repository_prefix = "${var.project}-${each.key}"
  upstream_registry_url = each.value
}

# Scanning is a setting of the whole registry (account and region), so whoever has a registry of its own owns it.
resource "aws_ecr_registry_scanning_configuration" "registry" {
  count = var.owns_registry_scanning ? 1 : 0

  scan_type = "ENHANCED"

  rule {
    scan_frequency = "CONTINUOUS_SCAN"

    repository_filter {
      filter      = "${var.project}/*"
      filter_type = "WILDCARD"
    }
  }
}
