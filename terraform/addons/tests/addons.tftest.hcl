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

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/signalbox-prod-load-balancer" }
  }
}

variables {
  environment  = "prod"
  cluster_name = "prod-1"
}

run "who_may" {
  command = apply

  assert {
    condition     = data.aws_iam_policy_document.trust.statement[0].actions == toset(["sts:AssumeRole", "sts:TagSession"])
    error_message = "pods cannot take the role with their tags"
  }

  assert {
    condition     = { for c in data.aws_iam_policy_document.trust.statement[0].condition : c.variable => one(c.values) } == { "aws:SourceAccount" = "111122223333", "aws:RequestTag/kubernetes-namespace" = "kube-system", "aws:RequestTag/kubernetes-service-account" = "aws-load-balancer-controller" }
    error_message = "another account, namespace or service account may take the role"
  }

  assert {
    condition     = aws_eks_pod_identity_association.load_balancer.service_account == "aws-load-balancer-controller" && aws_eks_pod_identity_association.load_balancer.namespace == "kube-system"
    error_message = "the service account of the controller does not get the role"
  }
}

run "what_it_may" {
  command = apply

  assert {
    condition     = alltrue(flatten([for s in data.aws_iam_policy_document.load_balancer.statement : [for action in s.actions : can(regex(":(Describe|List)", action))] if contains(s.resources, "*")]))
    error_message = "something is named everywhere that does more than look"
  }

  assert {
    condition     = alltrue(flatten([for s in data.aws_iam_policy_document.load_balancer.statement : [for action in s.actions : !strcontains(action, "*")]]))
    error_message = "an action has a wildcard"
  }

  assert {
    condition     = alltrue([for s in data.aws_iam_policy_document.load_balancer.statement : length(s.condition) == 1 && contains([for c in s.condition : one(c.values)], startswith(s.sid, "Open") ? "owned" : "prod-1") if startswith(s.sid, "Change") || startswith(s.sid, "Open")])
    error_message = "something of another cluster can be changed or deleted"
  }

  assert {
    condition     = alltrue([for s in data.aws_iam_policy_document.load_balancer.statement : one(s.condition).variable == "aws:RequestTag/elbv2.k8s.aws/cluster" if startswith(s.sid, "MakeMarked")])
    error_message = "what is made is not marked"
  }
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

run "no_region" {
  command = plan
  variables {
    region = "Frankfurt"
  }
  expect_failures = [var.region]
}

run "cluster_by_arn" {
  command = plan
  variables {
    cluster_name = "arn:aws:eks:x"
  }
  expect_failures = [var.cluster_name]
}

run "namespace_with_a_dot" {
  command = plan
  variables {
    load_balancer_namespace = "kube.system"
  }
  expect_failures = [var.load_balancer_namespace]
}
