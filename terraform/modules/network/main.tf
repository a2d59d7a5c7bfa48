# A VPC over several zones with three layers: public (load balancers, NAT), private (nodes) and data (databases, no way out).

data "aws_region" "current" {}

locals {
  name = "${var.project}-${var.environment}"

  # Quarters of the range: the first holds public blocks (a sixteenth each) and data blocks (a sixty-fourth each), the
  # others one private block each, because every pod takes an address of its node's subnet.
  zones   = { for index, zone in var.zones : zone => index }
  first   = cidrsubnet(var.cidr, 2, 0)
  public  = { for zone, index in local.zones : zone => cidrsubnet(local.first, 2, index) }
  data    = { for zone, index in local.zones : zone => cidrsubnet(local.first, 4, index + 12) }
  private = { for zone, index in local.zones : zone => cidrsubnet(var.cidr, 2, index + 1) }

  nat_zones = slice(var.zones, 0, var.nat_gateways)
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = merge(var.tags, { Name = local.name })
}

# Emptied, so that whatever forgets to name a security group can talk to nobody.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id
  tags   = merge(var.tags, { Name = "${local.name}-default-closed" })
}

resource "aws_subnet" "public" {
  for_each = local.public

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = each.value
  tags = merge(var.tags, {
    Name                     = "${local.name}-public-${each.key}"
    "kubernetes.io/role/elb" = "1"
  })
}

resource "aws_subnet" "private" {
  for_each = local.private

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = each.value
  tags = merge(var.tags, {
    Name                              = "${local.name}-private-${each.key}"
    "kubernetes.io/role/internal-elb" = "1"
    "karpenter.sh/discovery"          = local.name
  })
}

resource "aws_subnet" "data" {
  for_each = local.data

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = each.value
  tags              = merge(var.tags, { Name = "${local.name}-data-${each.key}" })
}
