output "vpc_id" {
  description = "ID of the VPC."
  value       = aws_vpc.this.id
}

output "vpc_cidr" {
  description = "Range of the VPC."
  value       = aws_vpc.this.cidr_block
}

output "public_subnet_ids" {
  description = "Subnets of load balancers and NAT gateways, one per zone."
  value       = [for zone in var.zones : aws_subnet.public[zone].id]
}

output "private_subnet_ids" {
  description = "Subnets of the cluster's nodes and pods, one per zone."
  value       = [for zone in var.zones : aws_subnet.private[zone].id]
}

output "data_subnet_ids" {
  description = "Subnets of databases, caches and brokers, one per zone, without a way out."
  value       = [for zone in var.zones : aws_subnet.data[zone].id]
}

output "nat_addresses" {
  description = "Addresses the cluster calls from, for allow lists of others."
  value       = [for eip in aws_eip.nat : eip.public_ip]
}
