"""The network as the AWS API reports it: what reaches the internet, and how."""


def check(cloud):
    ec2, net = cloud.aws("ec2"), cloud.out["network"]
    only = [{"Name": "vpc-id", "Values": [net["vpc_id"]]}]
    subnets = {s["SubnetId"]: s for s in ec2.describe_subnets(Filters=only)["Subnets"]}
    cloud.see("subnets", len(subnets), 9)
    for layer in ("public", "private", "data"):
        zones = sorted(subnets[i]["AvailabilityZone"] for i in net[f"{layer}_subnet_ids"])
        cloud.see(f"zones of {layer}", zones, ["eu-central-1a", "eu-central-1b", "eu-central-1c"])
    cloud.see("public addresses by default", any(s["MapPublicIpOnLaunch"] for s in subnets.values()), False)

    tables = ec2.describe_route_tables(Filters=only)["RouteTables"]
    ways = {a["SubnetId"]: ways_out(t) for t in tables for a in t["Associations"] if a.get("SubnetId")}
    cloud.see("public subnets go out by", {ways[i][0][:4] for i in net["public_subnet_ids"]}, {"igw-"})
    cloud.see("private subnets go out by", {ways[i][0][:4] for i in net["private_subnet_ids"]}, {"nat-"})
    cloud.see("data subnets go out by", [ways[i] for i in net["data_subnet_ids"]], [[], [], []])
    cloud.see("NAT gateways used", len({ways[i][0] for i in net["private_subnet_ids"]}), 2)

    group = ec2.describe_security_groups(Filters=only + [{"Name": "group-name", "Values": ["default"]}])["SecurityGroups"][0]
    cloud.see("rules of the default security group", (group["IpPermissions"], group["IpPermissionsEgress"]), ([], []))
    rules = [r for g in ec2.describe_security_groups(Filters=only)["SecurityGroups"] for r in g["IpPermissions"]]
    cloud.see("open to the world", [r for r in rules if any(i["CidrIp"] == "0.0.0.0/0" for i in r["IpRanges"])], [])

    kinds = [e["VpcEndpointType"] for e in ec2.describe_vpc_endpoints(Filters=only)["VpcEndpoints"]]
    cloud.see("endpoints", (kinds.count("Gateway"), kinds.count("Interface")), (1, 6))
    log = ec2.describe_flow_logs(Filters=[{"Name": "resource-id", "Values": [net["vpc_id"]]}])["FlowLogs"][0]
    cloud.see("flow log", (log["TrafficType"], log["LogDestinationType"]), ("ALL", "cloud-watch-logs"))
    group = cloud.aws("logs").describe_log_groups(logGroupNamePrefix="/signalbox/staging/vpc-flow")["logGroups"][0]
    cloud.see("flow log group", (group["retentionInDays"], group["kmsKeyId"]), (30, cloud.out["key"]))


def ways_out(table):
    routes = [r for r in table["Routes"] if r.get("DestinationCidrBlock") == "0.0.0.0/0"]
    return [r.get("NatGatewayId") or r.get("GatewayId") for r in routes]
