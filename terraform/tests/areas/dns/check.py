"""The zone and its certificate as the AWS API reports them."""


def check(cloud):
    dns, acm = cloud.aws("route53"), cloud.aws("acm")
    zone = dns.get_hosted_zone(Id=cloud.out["dns"]["zone_id"])["HostedZone"]
    cloud.see("zone", zone["Name"], "dev.shop.example.com.")
    records = {r["Type"]: r for r in dns.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]}
    cloud.see("authorities", sorted(r["Value"] for r in records["CAA"]["ResourceRecords"]), ['0 issue "amazon.com"', '0 issuewild "amazon.com"'])
    certificate = acm.describe_certificate(CertificateArn=cloud.out["dns"]["certificate_arn"])["Certificate"]
    cloud.see("certificate", certificate["Status"], "ISSUED")
    cloud.see("names", sorted(certificate["SubjectAlternativeNames"]), ["*.dev.shop.example.com", "dev.shop.example.com"])
    proof = certificate["DomainValidationOptions"][0]["ResourceRecord"]
    cloud.see("proof", records["CNAME"]["Name"].rstrip("."), proof["Name"].rstrip("."))
