"""The key and the topic of alarms as the AWS API reports them."""
import json


def check(cloud):
    kms, sns = cloud.aws("kms"), cloud.aws("sns")
    arn = cloud.out["key"]["key_arn"]
    cloud.see("rotation", kms.get_key_rotation_status(KeyId=arn)["KeyRotationEnabled"], True)
    cloud.see("alias", kms.describe_key(KeyId="alias/signalbox-prod")["KeyMetadata"]["Arn"], arn)
    statements = json.loads(kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"])["Statement"]
    open_ones = [s["Sid"] for s in statements if not s.get("Condition")]
    cloud.see("statements without a condition", open_ones, ["IamOfTheAccountDecides"])
    topic = sns.get_topic_attributes(TopicArn=cloud.out["key"]["alarm_topic_arn"])["Attributes"]
    cloud.see("topic's key", topic["KmsMasterKeyId"], arn)
    rights = json.loads(topic["Policy"])["Statement"]
    cloud.see("who publishes", sorted(p for s in rights for p in s["Principal"]["Service"]),
              sorted(f"{s}.amazonaws.com" for s in ("backup", "budgets", "cloudwatch", "costalerts", "events")))
    mails = sns.list_subscriptions_by_topic(TopicArn=cloud.out["key"]["alarm_topic_arn"])["Subscriptions"]
    cloud.see("subscribers", [(m["Protocol"], m["Endpoint"]) for m in mails], [("email", "oncall@example.com")])
