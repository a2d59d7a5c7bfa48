# Every wrong value is refused, by the variable it was given to.
# Shaped like the real ones, because the provider looks at policies and ARNs even when nothing is made.
mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }
}

variables {
  environment       = "prod"
  kms_key_arn       = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/1"
  oidc_issuer       = "oidc.eks.eu-central-1.amazonaws.com/id/1"
}

run "environment_unknown" {
  command = plan
  variables {
    environment = "production"
  }
  expect_failures = [var.environment]
}

run "project_too_long" {
  command = plan
  variables {
    project = "a-name-that-is-far-too-long"
  }
  expect_failures = [var.project]
}

run "key_by_alias" {
  command = plan
  variables {
    kms_key_arn = "alias/signalbox"
  }
  expect_failures = [var.kms_key_arn]
}

run "provider_by_url" {
  command = plan
  variables {
    oidc_provider_arn = "https://oidc.example.com"
  }
  expect_failures = [var.oidc_provider_arn]
}

run "issuer_with_scheme" {
  command = plan
  variables {
    oidc_issuer = "https://oidc.eks.eu-central-1.amazonaws.com/id/1"
  }
  expect_failures = [var.oidc_issuer]
}

run "provider_without_issuer" {
  command = plan
  variables {
    oidc_issuer = ""
  }
  expect_failures = [var.oidc_issuer]
}

run "two_ways_to_a_role" {
  command = plan
  variables {
    cluster_name = "signalbox-prod"
  }
  expect_failures = [var.cluster_name]
}

run "namespace_with_a_dot" {
  command = plan
  variables {
    namespace = "my.namespace"
  }
  expect_failures = [var.namespace]
}

run "bucket_deletes_before_loki" {
  command = plan
  variables {
    log_retention_days = 7
  }
  expect_failures = [var.log_retention_days]
}

run "traces_for_no_day" {
  command = plan
  variables {
    trace_retention_days = 0
  }
  expect_failures = [var.trace_retention_days]
}

run "records_for_a_month" {
  command = plan
  variables {
    access_log_retention_days = 30
  }
  expect_failures = [var.access_log_retention_days]
}

run "prod_buckets_can_be_destroyed" {
  command = plan
  variables {
    force_destroy = true
  }
  expect_failures = [var.force_destroy]
}
