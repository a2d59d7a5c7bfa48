"""The recorder of Config, who may write its records, and the rule that tells of findings, as the AWS API reports them."""
import json


def check(cloud):
    config, s3, iam = cloud.aws("config"), cloud.aws("s3"), cloud.aws("iam")
    bucket = cloud.out["guardrails"]["records_bucket"]
    recorder = config.describe_configuration_recorders()["ConfigurationRecorders"][0]
    group = recorder["recordingGroup"]
    cloud.see("everything is recorded", (group["allSupported"], group["includeGlobalResourceTypes"]), (True, True))
    cloud.see("it records", config.describe_configuration_recorder_status()["ConfigurationRecordersStatus"][0]["recording"], True)
    cloud.see("into the bucket", config.describe_delivery_channels()["DeliveryChannels"][0]["s3BucketName"], bucket)
    trust = json.dumps(iam.get_role(RoleName=recorder["roleARN"].split("/")[-1])["Role"]["AssumeRolePolicyDocument"])
    cloud.see("as Config of this account", ("config.amazonaws.com" in trust, "aws:SourceAccount" in trust), (True, True))
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    cloud.see("public access to the records", all(block.values()) and len(block), 4)
    rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]["ApplyServerSideEncryptionByDefault"]
    cloud.see("encryption", rule["SSEAlgorithm"], "aws:kms")
    days = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"][0]["Expiration"]["Days"]
    cloud.see("days records stay", days, 400)
    rules = [r["Name"] for r in cloud.aws("events").list_rules()["Rules"]]
    cloud.see("what is told", rules, ["signalbox-prod-guardrails-images"])
