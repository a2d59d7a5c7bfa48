# The module of the area eks whole, with a workload; whole.tftest.hcl says what is made up.
resource "aws_kms_key" "test" {
  description = "stands for the environment's key"
}

resource "aws_vpc" "test" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "test" {
  for_each = { a = "10.0.0.0/24", b = "10.0.1.0/24" }

  vpc_id            = aws_vpc.test.id
  availability_zone = "eu-central-1${each.key}"
  cidr_block        = each.value
}

module "eks" {
  source      = "../../../modules/eks"
  project     = "signalbox"
  environment = "dev"
  compute     = "karpenter"
  kms_key_arn = aws_kms_key.test.arn
  subnet_ids  = [for subnet in aws_subnet.test : subnet.id]
  access      = { admins = { role_arn = "arn:aws:iam::123456789012:role/admins", policy = "AmazonEKSClusterAdminPolicy" } }
  workloads = {
    external-secrets = {
      namespace       = "external-secrets"
      service_account = "external-secrets"
      policy          = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "secretsmanager:GetSecretValue", Resource = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:signalbox/dev/*" }] })
    }
  }
}
