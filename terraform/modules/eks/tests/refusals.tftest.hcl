# One run per validation: what it must refuse.
mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  project     = "signalbox"
  environment = "dev"
  kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  subnet_ids  = ["subnet-1", "subnet-2", "subnet-3"]
  access      = { admins = { role_arn = "arn:aws:iam::111122223333:role/admins", policy = "AmazonEKSClusterAdminPolicy" } }
}

run "wrong_environment" {
  command = plan
  variables { environment = "test" }
  expect_failures = [var.environment]
}

run "one_subnet" {
  command = plan
  variables { subnet_ids = ["subnet-1"] }
  expect_failures = [var.subnet_ids]
}

run "kubernetes_out_of_support" {
  command = plan
  variables { kubernetes_version = "1.33" }
  expect_failures = [var.kubernetes_version]
}

run "api_open_to_the_world" {
  command = plan
  variables { public_access_cidrs = ["0.0.0.0/0"] }
  expect_failures = [var.public_access_cidrs]
}

run "unknown_access_policy" {
  command = plan
  variables {
    access = {
      admins = { role_arn = "arn:aws:iam::111122223333:role/admins", policy = "AmazonEKSClusterAdminPolicy" }
      others = { role_arn = "arn:aws:iam::111122223333:role/others", policy = "AdministratorAccess" }
    }
  }
  expect_failures = [var.access]
}

run "nobody_is_admin" {
  command = plan
  variables {
    access = { viewers = { role_arn = "arn:aws:iam::111122223333:role/viewers", policy = "AmazonEKSViewPolicy" } }
  }
  expect_failures = [var.access]
}

run "unknown_compute" {
  command = plan
  variables { compute = "fargate" }
  expect_failures = [var.compute]
}

run "unknown_architecture" {
  command = plan
  variables {
    architecture   = "riscv"
    instance_types = ["m7i.large"]
  }
  expect_failures = [var.architecture]
}

run "instance_type_of_another_architecture" {
  command = plan
  variables { instance_types = ["m7i.large"] }
  expect_failures = [var.instance_types]
}

run "sizes_out_of_order" {
  command = plan
  variables { nodes = { min = 3, desired = 2, max = 4 } }
  expect_failures = [var.nodes]
}

run "two_nodes_in_prod" {
  command = plan
  variables {
    environment          = "prod"
    addon_versions       = { vpc-cni = "v1.0.0-eksbuild.1", eks-pod-identity-agent = "v1.0.0-eksbuild.1", kube-proxy = "v1.0.0-eksbuild.1", coredns = "v1.0.0-eksbuild.1", metrics-server = "v1.0.0-eksbuild.1", aws-ebs-csi-driver = "v1.0.0-eksbuild.1" }
    node_release_version = "1.35.0-20260101"
  }
  expect_failures = [var.nodes]
}

run "disk_smaller_than_the_image" {
  command = plan
  variables { node_disk_gib = 8 }
  expect_failures = [var.node_disk_gib]
}

run "addons_of_prod_not_pinned" {
  command = plan
  variables {
    environment          = "prod"
    nodes                = { min = 3, desired = 3, max = 6 }
    addon_versions       = { vpc-cni = "v1.0.0-eksbuild.1" }
    node_release_version = "1.35.0-20260101"
  }
  expect_failures = [var.addon_versions]
}

run "retention_cloudwatch_does_not_know" {
  command = plan
  variables { log_retention_days = 45 }
  expect_failures = [var.log_retention_days]
}

run "workload_that_may_everything" {
  command = plan
  variables {
    workloads = {
      greedy = { namespace = "signalbox", service_account = "greedy", policy = "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\"}]}" }
    }
  }
  expect_failures = [var.workloads]
}

run "a_version_nobody_read" {
  command = plan
  variables { addon_versions = { vpc-cni = "v0.0.0-eksbuild.1" } }
  expect_failures = [var.addon_versions]
}

run "no_release_of_an_ami" {
  command = plan
  variables { node_release_version = "0.0.0-00000000" }
  expect_failures = [var.node_release_version]
}

run "nodes_of_any_image_in_prod" {
  command = plan
  variables {
    environment    = "prod"
    nodes          = { min = 3, desired = 3, max = 6 }
    addon_versions = { vpc-cni = "v1.0.0-eksbuild.1", eks-pod-identity-agent = "v1.0.0-eksbuild.1", kube-proxy = "v1.0.0-eksbuild.1", coredns = "v1.0.0-eksbuild.1", metrics-server = "v1.0.0-eksbuild.1", aws-ebs-csi-driver = "v1.0.0-eksbuild.1" }
  }
  expect_failures = [var.node_release_version]
}
