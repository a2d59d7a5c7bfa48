# Stands for what the environment gives: its key, its network, the group of the cluster.
resource "aws_kms_key" "test" {
  description = "stands for the key of the environment"
}

resource "aws_vpc" "test" {
  cidr_block = "10.9.0.0/16"
}

resource "aws_subnet" "test" {
  count             = 3
  vpc_id            = aws_vpc.test.id
  cidr_block        = "10.9.${count.index}.0/24"
  availability_zone = "eu-central-1${element(["a", "b", "c"], count.index)}"
}

resource "aws_security_group" "clients" {
  name   = "clients"
  vpc_id = aws_vpc.test.id
}

module "redis" {
  source = "../../../modules/redis"

  environment                = "prod"
  vpc_id                     = aws_vpc.test.id
  subnet_ids                 = aws_subnet.test[*].id
  allowed_security_group_ids = [aws_security_group.clients.id]
  kms_key_arn                = aws_kms_key.test.arn
  services                   = ["auth", "gateway"]
}

output "key" { value = aws_kms_key.test.arn }
output "clients" { value = aws_security_group.clients.id }

output "security_group" { value = module.redis.security_group_id }
