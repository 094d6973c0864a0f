"""The stack that template.yaml makes: the transform of SAM, then the intrinsic functions with given parameters.

What is tested is so what CloudFormation gets, and not the shorthand it was written in.
"""

import copy
import logging
import re
from pathlib import Path

from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

ROOT = Path(__file__).resolve().parents[2]
REGION, ACCOUNT = "eu-central-1", "111122223333"
PSEUDO = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::StackName": "kiro2api",
    "AWS::URLSuffix": "amazonaws.com",
}
NOTHING = object()
# The transform collects metrics for a service that this is not.
logging.getLogger("samtranslator.metrics").setLevel(logging.ERROR)


def source():
    """The template as it is written."""
    return yaml_parse((ROOT / "template.yaml").read_text())


def stack(**parameters):
    """The resources of the stack with these parameters and the defaults of the others."""
    template = source()
    values = {name: declared.get("Default") for name, declared in template["Parameters"].items()}
    unknown = parameters.keys() - values.keys()
    assert not unknown, f"the template has no parameter {unknown}"
    values.update(parameters)
    missing = [name for name, value in values.items() if value is None]
    assert not missing, f"parameters without a value: {missing}"
    return Stack(translated(template), values)


def translated(template):
    """What the transform makes of it; `sam package` would put the bucket's address in place of the folder."""
    template = copy.deepcopy(template)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    return Translator({}, Parser()).translate(template, {})


class Stack:
    """A template whose functions are carried out."""

    def __init__(self, template, parameters):
        self.template = template
        self.parameters = {**PSEUDO, **parameters}
        self.resources = {
            name: {**resource, "Properties": self.value(resource.get("Properties", {}))}
            for name, resource in template["Resources"].items()
            if self.condition(resource.get("Condition"))
        }
        self.outputs = {name: self.value(output["Value"]) for name, output in template["Outputs"].items()}

    def of(self, kind):
        """The properties of every resource of a type, by name."""
        return {name: item["Properties"] for name, item in self.resources.items() if item["Type"] == kind}

    def one(self, kind):
        """The properties of the only resource of a type."""
        (properties,) = self.of(kind).values()
        return properties

    def statements(self):
        """Every statement of every policy of every role."""
        found = []
        for role in self.of("AWS::IAM::Role").values():
            for policy in role.get("Policies", []):
                found += policy["PolicyDocument"]["Statement"]
        return found

    def condition(self, name):
        return name is None or self.truth(self.template["Conditions"][name])

    def truth(self, node):
        ((function, given),) = node.items()
        match function:
            case "Fn::Not":
                return not self.truth(given[0])
            case "Fn::And":
                return all(map(self.truth, given))
            case "Fn::Or":
                return any(map(self.truth, given))
            case "Fn::Equals":
                return self.value(given[0]) == self.value(given[1])
            case "Condition":
                return self.condition(given)
        raise NotImplementedError(function)

    def value(self, node):
        if isinstance(node, list):
            return [value for value in map(self.value, node) if value is not NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((function, given),) = node.items()
            if function in ("Ref", "Condition") and isinstance(given, str) or function.startswith("Fn::"):
                return self.call(function, given)
        pairs = ((key, self.value(value)) for key, value in node.items())
        return {key: value for key, value in pairs if value is not NOTHING}

    def call(self, function, given):
        match function:
            case "Ref" if given == "AWS::NoValue":
                return NOTHING
            case "Ref":
                return self.parameters[given] if given in self.parameters else self.attribute(given, "Ref")
            case "Fn::If":
                return self.value(given[1] if self.condition(given[0]) else given[2])
            case "Fn::GetAtt":
                name, attribute = given.split(".") if isinstance(given, str) else given
                return self.attribute(name, attribute)
            case "Fn::Sub":
                return re.sub(r"\$\{([^}]+)\}", lambda found: self.named(found.group(1)), given)
            case "Fn::Join":
                return given[0].join(self.value(given[1]))
            case "Fn::Split":
                return self.value(given[1]).split(given[0])
            case "Fn::Select":
                return self.value(given[1])[int(given[0])]
        raise NotImplementedError(function)

    def named(self, name):
        """What stands for a name in the text of Fn::Sub."""
        return self.call("Fn::GetAtt" if "." in name else "Ref", name)

    def attribute(self, name, attribute):
        """What CloudFormation documents as the value of Ref and GetAtt."""
        resource = self.template["Resources"][name]
        physical = f"kiro2api-{name}-X"
        match resource["Type"], attribute:
            case "AWS::Logs::LogGroup", "Arn":
                group = self.value(resource["Properties"]["LogGroupName"])
                # Documented to end with the wildcard for its streams.
                return f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:*"
            case "AWS::Logs::LogGroup", "Ref":
                return self.value(resource["Properties"]["LogGroupName"])
            case "AWS::DynamoDB::Table", "Arn":
                return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{physical}"
            case "AWS::IAM::Role", "Arn":
                return f"arn:aws:iam::{ACCOUNT}:role/{physical}"
            case "AWS::Lambda::Url", "FunctionUrl":
                return f"https://abc.lambda-url.{REGION}.on.aws/"
            case _, "Ref":
                return physical
        raise NotImplementedError(f"{attribute} of {resource['Type']}")
