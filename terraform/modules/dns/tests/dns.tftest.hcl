mock_provider "aws" {
  override_during = plan

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
  mock_resource "aws_route53_zone" {
    defaults = { zone_id = "Z0", arn = "arn:aws:route53:::hostedzone/Z0" }
  }
  mock_resource "aws_acm_certificate" {
    defaults = {
      arn                       = "arn:aws:acm:eu-central-1:111122223333:certificate/mock"
      domain_validation_options = []
    }
  }
}

variables {
  project     = "signalbox"
  environment = "dev"
  domain      = "dev.shop.example.com"
}

run "zone_and_certificate" {
  command = plan

  assert {
    condition     = aws_acm_certificate.this.subject_alternative_names == toset(["*.dev.shop.example.com"]) && aws_acm_certificate.this.validation_method == "DNS"
    error_message = "the certificate does not cover what is below the name"
  }
  assert {
    condition     = length(aws_acm_certificate_validation.this) == 1
    error_message = "nothing waits for the certificate"
  }
  assert {
    condition     = contains(aws_route53_record.caa.records, "0 issue \"amazon.com\"")
    error_message = "any authority may issue for the name"
  }
  assert {
    condition     = data.aws_iam_policy_document.records.statement[0].resources == toset([aws_route53_zone.this.arn])
    error_message = "external-dns may change other zones"
  }
  assert {
    condition     = aws_route53_zone.this.force_destroy
    error_message = "records of external-dns keep a dev zone alive"
  }
}

run "first_apply" {
  command = plan
  variables {
    environment          = "prod"
    wait_for_certificate = false
  }

  assert {
    condition     = length(aws_acm_certificate_validation.this) == 0 && output.certificate_arn == aws_acm_certificate.this.arn
    error_message = "the first apply waits for a delegation that is not there"
  }
  assert {
    condition     = !aws_route53_zone.this.force_destroy
    error_message = "prod's records go with a zone that is destroyed by mistake"
  }
}

run "wrong_environment" {
  command = plan
  variables { environment = "test" }
  expect_failures = [var.environment]
}

run "wrong_domain" {
  command = plan
  variables { domain = "Shop.Example.com." }
  expect_failures = [var.domain]
}
