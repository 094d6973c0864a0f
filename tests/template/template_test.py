"""What template.yaml promises: least privilege, a streaming URL, secrets by ARN alone, a table as the store uses it."""

import re
import unittest

from stack import ACCOUNT, REGION, ROOT, source, stack

SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:kiro2api/%s-a1B2c3"
CLIENT, ACCOUNTS, TOKENS = SECRET % "client", SECRET % "accounts", SECRET % "tokens"
SEALING = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/kiro2api/sealing"
KMS = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"

FEWEST = {"ClientTokenArn": CLIENT, "AuthTokenArn": ACCOUNTS}
MOST = {
    **FEWEST,
    "RefreshTokensArn": TOKENS,
    "TokenStoreKeyArn": SEALING,
    "SecretsKmsKeyArn": KMS,
    "ReservedConcurrency": "5",
}
SECRETS = ["ClientTokenArn", "AuthTokenArn", "RefreshTokensArn", "TokenStoreKeyArn"]


def as_list(value):
    return value if isinstance(value, list) else [value]


def code(*folders):
    """All Rust source under these folders, without the tests in it, each text of several lines joined to one."""
    files = [file for folder in folders for file in sorted((ROOT / folder).rglob("*.rs"))]
    assert files, f"there is no source under {folders}"
    texts = [file.read_text().split("#[cfg(test)]")[0] for file in files]
    return re.sub(r"\\\n\s*", "", "\n".join(texts))


class LeastPrivilege(unittest.TestCase):
    def test_no_action_and_no_resource_has_a_wildcard_but_the_streams_of_the_log_group(self):
        for parameters in (FEWEST, MOST):
            made = stack(**parameters)
            group = made.one("AWS::Logs::LogGroup")["LogGroupName"]
            streams = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:*"
            statements = made.statements()
            self.assertTrue(statements)
            for statement in statements:
                self.assertEqual(statement["Effect"], "Allow")
                self.assertFalse({"NotAction", "NotResource"} & statement.keys())
                for action in as_list(statement["Action"]):
                    self.assertRegex(action, r"^[a-z]+:[A-Za-z]+$")
                for resource in as_list(statement["Resource"]):
                    if resource != streams:
                        self.assertNotRegex(resource, r"[*?]")
                        self.assertTrue(resource.startswith("arn:aws:"), resource)

    def test_there_is_one_role_for_the_function_alone_and_no_managed_policy(self):
        made = stack(**MOST)
        role = made.one("AWS::IAM::Role")
        self.assertFalse({"ManagedPolicyArns", "PermissionsBoundary"} & role.keys())
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        self.assertEqual((trust["Action"], trust["Principal"]), ("sts:AssumeRole", {"Service": "lambda.amazonaws.com"}))
        self.assertFalse(made.of("AWS::IAM::Policy") or made.of("AWS::IAM::ManagedPolicy"))

    def test_secrets_and_keys_that_are_not_given_are_not_allowed(self):
        allowed = {}
        for name, parameters in (("fewest", FEWEST), ("most", MOST)):
            for statement in stack(**parameters).statements():
                for action in as_list(statement["Action"]):
                    allowed[name, action] = as_list(statement["Resource"])
        for action in ("secretsmanager:GetSecretValue", "ssm:GetParameter"):
            self.assertEqual(allowed["fewest", action], [CLIENT, ACCOUNTS])
            self.assertEqual(allowed["most", action], [CLIENT, ACCOUNTS, TOKENS, SEALING])
        self.assertNotIn(("fewest", "kms:Decrypt"), allowed)
        self.assertEqual(allowed["most", "kms:Decrypt"], [KMS])

    def test_secrets_are_allowed_the_calls_that_read_them_and_no_more(self):
        called = set(re.findall(r'Service::(SecretsManager|Ssm), "(\w+)"', code("lambda-aws/src")))
        self.assertTrue(called, "nothing reads a secret: has the call changed its form?")
        wanted = {f"{service.lower()}:{operation}" for service, operation in called}
        actions = {action for statement in stack(**MOST).statements() for action in as_list(statement["Action"])}
        self.assertEqual({action for action in actions if action.startswith(("secretsmanager:", "ssm:"))}, wanted)

    def test_the_table_allows_what_the_store_calls_and_no_more(self):
        called = set(re.findall(r'self\.call\(\s*"(\w+)"', code("lambda-aws/src/store")))
        self.assertTrue(called, "the store calls nothing: has it changed its form?")
        made = stack(**FEWEST)
        (table,) = made.of("AWS::DynamoDB::Table")
        for statement in made.statements():
            actions = as_list(statement["Action"])
            if actions[0].startswith("dynamodb:"):
                self.assertEqual(set(actions), {f"dynamodb:{operation}" for operation in called})
                self.assertEqual(statement["Resource"], made.attribute(table, "Arn"))
                return
        self.fail("no statement for the table")


class FunctionUrl(unittest.TestCase):
    def test_it_streams_and_lets_every_client_in(self):
        url = stack(**FEWEST).one("AWS::Lambda::Url")
        self.assertEqual((url["AuthType"], url["InvokeMode"]), ("NONE", "RESPONSE_STREAM"))

    def test_a_public_url_takes_two_statements_and_there_is_no_third(self):
        permissions = list(stack(**FEWEST).of("AWS::Lambda::Permission").values())
        self.assertEqual(len(permissions), 2)
        for permission in permissions:
            del permission["FunctionName"]
        by_url = {"Action": "lambda:InvokeFunctionUrl", "Principal": "*", "FunctionUrlAuthType": "NONE"}
        through_url = {"Action": "lambda:InvokeFunction", "Principal": "*", "InvokedViaFunctionUrl": True}
        self.assertIn(by_url, permissions)
        self.assertIn(through_url, permissions)

    def test_the_outputs_are_the_two_lines_for_claude_code(self):
        outputs = stack(**FEWEST).outputs
        self.assertEqual(outputs["ClaudeCodeUrl"], f"export ANTHROPIC_BASE_URL=https://abc.lambda-url.{REGION}.on.aws")
        self.assertTrue(outputs["ClaudeCodeKey"].startswith("export ANTHROPIC_AUTH_TOKEN="))
        for value in outputs.values():
            self.assertNotIn(CLIENT, value)


class Parameters(unittest.TestCase):
    def test_secrets_are_taken_by_arn_and_not_echoed(self):
        declared = source()["Parameters"]
        for name in SECRETS:
            self.assertIs(declared[name]["NoEcho"], True, name)
        variables = stack(**MOST).one("AWS::Lambda::Function")["Environment"]["Variables"]
        by_arn = {name: value for name, value in variables.items() if name.endswith("_ARN")}
        self.assertEqual(sorted(by_arn.values()), sorted([CLIENT, ACCOUNTS, TOKENS, SEALING]))

    def test_only_whole_arns_of_secrets_and_parameters_fit(self):
        declared = source()["Parameters"]
        for name in SECRETS:
            fits = re.compile(declared[name]["AllowedPattern"]).fullmatch
            for arn in (CLIENT, SEALING, CLIENT.replace("arn:aws:", "arn:aws-us-gov:")):
                self.assertTrue(fits(arn), (name, arn))
            for other in (
                "*",
                "",
                "ksk_0123456789",
                f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:*",
                f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:short",
                f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/*",
                f"arn:aws:ssm:*:{ACCOUNT}:parameter/name",
                f"arn:aws:s3:{REGION}:{ACCOUNT}:parameter/name",
            ):
                self.assertFalse(fits(other), (name, other))
            self.assertEqual(bool(fits("none")), name != "ClientTokenArn")

    def test_every_other_parameter_has_a_default_that_its_own_rules_allow(self):
        for name, declared in source()["Parameters"].items():
            if name == "ClientTokenArn":
                self.assertNotIn("Default", declared)
                continue
            default = declared["Default"]
            if "AllowedPattern" in declared:
                self.assertRegex(default, declared["AllowedPattern"])
            if "AllowedValues" in declared:
                self.assertIn(default, declared["AllowedValues"])

    def test_a_stack_without_an_account_is_refused(self):
        (assertion,) = source()["Rules"]["AnAccount"]["Assertions"]
        made = stack(**FEWEST)
        for accounts, tokens, fine in (("none", "none", False), (ACCOUNTS, "none", True), ("none", TOKENS, True)):
            made.parameters.update(AuthTokenArn=accounts, RefreshTokensArn=tokens)
            self.assertIs(made.truth(assertion["Assert"]), fine)


class Function(unittest.TestCase):
    def test_the_program_knows_every_name_it_is_given(self):
        known = code("core/src", "lambda-aws/src")
        listed = re.search(r"const SECRETS: \[&str; \d+\] = \[([^\]]+)\]", known)
        self.assertTrue(listed, "the program no longer lists its secrets")
        secrets = {f"{name}_ARN" for name in re.findall(r'"(\w+)"', listed.group(1))}
        variables = stack(**MOST).one("AWS::Lambda::Function")["Environment"]["Variables"].keys()
        self.assertEqual({name for name in variables if name.endswith("_ARN")}, secrets)
        for name in variables - secrets:
            self.assertTrue(f'"{name}"' in known, f"{name} stands nowhere in the source")

    def test_what_is_not_given_is_not_set(self):
        variables = stack(**FEWEST).one("AWS::Lambda::Function")["Environment"]["Variables"]
        self.assertNotIn("none", variables.values())
        self.assertFalse({"AWS_REFRESHTOKEN_ARN", "TOKEN_STORE_KEY_ARN"} & variables.keys())
        self.assertNotIn("ReservedConcurrentExecutions", stack(**FEWEST).one("AWS::Lambda::Function"))
        self.assertEqual(stack(**MOST).one("AWS::Lambda::Function")["ReservedConcurrentExecutions"], "5")

    def test_it_runs_on_the_processor_of_the_parameter_for_as_long_as_the_platform_lets_it(self):
        for architecture in source()["Parameters"]["Architecture"]["AllowedValues"]:
            function = stack(**FEWEST, Architecture=architecture).one("AWS::Lambda::Function")
            self.assertEqual(function["Architectures"], [architecture])
            self.assertEqual((function["Runtime"], function["Timeout"]), ("provided.al2023", 900))
        self.assertEqual(stack(**FEWEST).one("AWS::Lambda::Function")["Architectures"], ["arm64"])

    def test_its_log_lines_go_as_json_to_the_group_that_forgets_them(self):
        made = stack(**FEWEST)
        group = made.one("AWS::Logs::LogGroup")
        logging = made.one("AWS::Lambda::Function")["LoggingConfig"]
        self.assertEqual(logging, {"LogFormat": "JSON", "LogGroup": group["LogGroupName"]})
        self.assertEqual(group["RetentionInDays"], 14)


class Table(unittest.TestCase):
    def test_its_key_and_its_expiry_are_those_of_the_store(self):
        table = stack(**FEWEST).one("AWS::DynamoDB::Table")
        (key,) = table["KeySchema"]
        (attribute,) = table["AttributeDefinitions"]
        self.assertEqual((key["KeyType"], attribute["AttributeType"]), ("HASH", "S"))
        self.assertEqual(key["AttributeName"], attribute["AttributeName"])
        advice = re.search(
            r'partition key \\"(\w+)\\" \(a string\) and the TTL attribute \\"(\w+)\\"',
            code("lambda-aws/src"),
        )
        self.assertTrue(advice, "the store no longer says which table it wants")
        self.assertEqual(advice.groups(), (key["AttributeName"], table["TimeToLiveSpecification"]["AttributeName"]))
        self.assertTrue(table["TimeToLiveSpecification"]["Enabled"])

    def test_it_is_encrypted_paid_by_request_and_outlives_the_stack(self):
        made = stack(**FEWEST)
        ((_, resource),) = [item for item in made.resources.items() if item[1]["Type"] == "AWS::DynamoDB::Table"]
        table = resource["Properties"]
        self.assertTrue(table["SSESpecification"]["SSEEnabled"])
        self.assertEqual(table["BillingMode"], "PAY_PER_REQUEST")
        self.assertEqual(resource["DeletionPolicy"], "RetainExceptOnCreate")
        self.assertEqual(resource["UpdateReplacePolicy"], "Retain")


if __name__ == "__main__":
    unittest.main()
