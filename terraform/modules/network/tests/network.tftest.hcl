mock_provider "aws" {

  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/mock" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:111122223333:log-group:mock" }
  }
}

variables {
  project      = "signalbox"
  environment  = "prod"
  zones        = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  nat_gateways = 3
  kms_key_arn  = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000000"
}

run "three_zones_and_three_layers" {
  command = plan

  assert {
    condition     = [for s in aws_subnet.public : s.cidr_block] == ["10.0.0.0/20", "10.0.16.0/20", "10.0.32.0/20"]
    error_message = "public subnets are not where the layout says"
  }
  assert {
    condition     = [for s in aws_subnet.private : s.cidr_block] == ["10.0.64.0/18", "10.0.128.0/18", "10.0.192.0/18"]
    error_message = "private subnets are not where the layout says"
  }
  assert {
    condition     = [for s in aws_subnet.data : s.cidr_block] == ["10.0.48.0/22", "10.0.52.0/22", "10.0.56.0/22"]
    error_message = "data subnets are not where the layout says"
  }
  assert {
    condition     = alltrue([for s in concat(values(aws_subnet.public), values(aws_subnet.private), values(aws_subnet.data)) : s.map_public_ip_on_launch != true])
    error_message = "an instance gets a public address by default"
  }
  assert {
    condition     = alltrue([for s in aws_subnet.public : s.tags["kubernetes.io/role/elb"] == "1"])
    error_message = "the load balancer controller cannot find the public subnets"
  }
  assert {
    condition     = alltrue([for s in aws_subnet.private : s.tags["kubernetes.io/role/internal-elb"] == "1" && s.tags["karpenter.sh/discovery"] == "signalbox-prod"])
    error_message = "load balancer controller and Karpenter cannot find the private subnets"
  }
}

run "ways_out" {
  command = apply

  assert {
    condition     = length(aws_nat_gateway.this) == 3
    error_message = "not one NAT gateway per zone"
  }
  assert {
    condition     = alltrue([for zone, route in aws_route.private : route.nat_gateway_id == aws_nat_gateway.this[zone].id])
    error_message = "a zone goes out by another zone though it has a NAT gateway"
  }
  assert {
    condition     = alltrue([for route in aws_route.private : route.route_table_id != aws_route_table.data.id]) && aws_route.public.route_table_id != aws_route_table.data.id
    error_message = "data subnets have a way out"
  }
  assert {
    condition     = aws_vpc_endpoint.s3.vpc_endpoint_type == "Gateway" && aws_vpc_endpoint.s3.service_name == "com.amazonaws.eu-central-1.s3"
    error_message = "no gateway endpoint for S3"
  }
  assert {
    condition     = length(aws_vpc_endpoint.interface) == 0
    error_message = "interface endpoints cost money and are off by default"
  }
}

run "flow_logs" {
  command = plan

  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL" && aws_flow_log.this.max_aggregation_interval == 60
    error_message = "flow logs leave traffic out"
  }
  assert {
    condition     = aws_cloudwatch_log_group.flow.kms_key_id == var.kms_key_arn && aws_cloudwatch_log_group.flow.retention_in_days == 30
    error_message = "flow logs are not encrypted with the given key for 30 days"
  }
}

run "one_nat_gateway_in_dev" {
  command = plan
  variables {
    environment         = "dev"
    nat_gateways        = 1
    interface_endpoints = true
  }

  assert {
    condition     = length(aws_eip.nat) == 1 && length(aws_nat_gateway.this) == 1
    error_message = "dev pays for more than one NAT gateway"
  }
  assert {
    condition     = length(aws_vpc_endpoint.interface) == 6 && alltrue([for e in aws_vpc_endpoint.interface : e.private_dns_enabled])
    error_message = "the switch does not make the interface endpoints"
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.endpoints[0].cidr_ipv4 == var.cidr && aws_vpc_security_group_ingress_rule.endpoints[0].to_port == 443
    error_message = "endpoints answer others than the VPC"
  }
}

run "wrong_environment" {
  command = plan
  variables { environment = "test" }
  expect_failures = [var.environment]
}

run "range_too_small" {
  command = plan
  variables { cidr = "10.0.0.0/24" }
  expect_failures = [var.cidr]
}

run "one_zone" {
  command = plan
  variables {
    environment  = "dev"
    zones        = ["eu-central-1a"]
    nat_gateways = 1
  }
  expect_failures = [var.zones]
}

run "two_zones_in_prod" {
  command = plan
  variables {
    zones        = ["eu-central-1a", "eu-central-1b"]
    nat_gateways = 2
  }
  expect_failures = [var.zones]
}

run "no_nat_gateway" {
  command = plan
  variables {
    environment  = "dev"
    nat_gateways = 4
  }
  expect_failures = [var.nat_gateways]
}

run "one_nat_gateway_in_prod" {
  command = plan
  variables { nat_gateways = 1 }
  expect_failures = [var.nat_gateways]
}

run "retention_cloudwatch_does_not_know" {
  command = plan
  variables { flow_log_days = 31 }
  expect_failures = [var.flow_log_days]
}
