"""The official OpenAI SDK for Python against the gateway: Chat Completions, Responses, models and errors."""

import json
import os
import unittest
import uuid

import openai
from openai import AsyncOpenAI, OpenAI
from openai.lib.responses_tool_runner import RegisteredFunction, ResponsesToolRunner
from pydantic import BaseModel

from support import secrets
from support.own import gateway
from support.simulator import chats

URL, KEY = os.environ["KIRO2API_URL"] + "/v1", os.environ["KIRO2API_KEY"]
MODEL = "claude-sonnet-4-5"
THINKER = "claude-opus-5"
PNG = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
WEATHER = {
    "name": "get_weather",
    "description": "Weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}
CHAT_TOOLS = [{"type": "function", "function": WEATHER}]
RESPONSES_TOOLS = [{"type": "function", "strict": False, **WEATHER}]
USAGE = 'usage {"uncachedInputTokens":10,"outputTokens":3,"totalTokens":13}'
FAULTS = ('exception InternalServerException "boom"', 'corrupt message; text "never"', 'tear 30 reset; text "never"')


tearDownModule = secrets.check


class Event(BaseModel):
    name: str
    people: list[str]


LUNCH = Event(name="Lunch", people=["Ada", "Bob"])
GOOD = f"text {json.dumps(LUNCH.model_dump_json())} chunk=5"
BAD = 'text "Here you go: {\\"name\\": 5}"'


def client(**more):
    return OpenAI(**{"base_url": URL, "api_key": KEY, "max_retries": 0, **more})


def mark():
    return f"mark-{uuid.uuid4()}"


def prompt(script, marker=None):
    return f"{marker or mark()}\n@sim {script}"


def user(script, marker=None):
    return [{"role": "user", "content": prompt(script, marker)}]


def chat(script, marker=None, **more):
    return client().chat.completions.create(**{"model": MODEL, "messages": user(script, marker), **more})


def respond(script, marker=None, **more):
    return client().responses.create(**{"model": MODEL, "input": prompt(script, marker), **more})


class Chat(unittest.TestCase):
    def test_create_gives_a_completion(self):
        completion = chat(f'text "Hello."; {USAGE}')
        choice = completion.choices[0]
        self.assertEqual((completion.object, completion.model, choice.index), ("chat.completion", MODEL, 0))
        self.assertEqual((choice.message.role, choice.message.content, choice.finish_reason), ("assistant", "Hello.", "stop"))
        usage = completion.usage
        self.assertEqual((usage.prompt_tokens, usage.completion_tokens, usage.total_tokens), (10, 3, 13))
        self.assertRegex(completion._request_id, "^req_")

    def test_a_stream_has_texts_a_reason_and_the_usage_last(self):
        chunks = list(chat(f'text "one two three" chunk=4; {USAGE}', stream=True, stream_options={"include_usage": True}))
        choices = [choice for chunk in chunks for choice in chunk.choices]
        self.assertEqual([choice.delta.content for choice in choices if choice.delta.content], ["one ", "two ", "thre", "e"])
        self.assertEqual([choice.finish_reason for choice in choices if choice.finish_reason], ["stop"])
        self.assertEqual((chunks[-1].choices, chunks[-1].usage.total_tokens), ([], 13))

    def test_the_stream_helper_gives_events_and_the_final_completion(self):
        with client().chat.completions.stream(model=MODEL, messages=user('text "one two three" chunk=4')) as stream:
            texts = [event.delta for event in stream if event.type == "content.delta" and event.delta]
            completion = stream.get_final_completion()
        self.assertEqual(texts, ["one ", "two ", "thre", "e"])
        self.assertEqual(completion.choices[0].message.content, "one two three")

    def test_a_tool_loop_by_hand(self):
        marker = mark()
        script = (
            'text "Looking."; interleave get_weather {"city":"Oslo"} get_weather {"city":"Bergen"} cut=3'
            ' => text "Both cold."'
        )
        messages = user(script, marker)
        with client().chat.completions.stream(model=MODEL, tools=CHAT_TOOLS, messages=messages) as stream:
            choice = stream.get_final_completion().choices[0]
        self.assertEqual((choice.message.content, choice.finish_reason), ("Looking.", "tool_calls"))
        calls = choice.message.tool_calls
        self.assertEqual([json.loads(call.function.arguments)["city"] for call in calls], ["Oslo", "Bergen"])
        messages.append(choice.message.model_dump(exclude_none=True, exclude={"parsed"}))
        for call in calls:
            messages.append({"role": "tool", "tool_call_id": call.id, "content": "4 degrees"})
        second = client().chat.completions.create(model=MODEL, tools=CHAT_TOOLS, messages=messages)
        self.assertEqual(second.choices[0].message.content, "Both cold.")
        self.assertEqual([one["violations"] for one in chats(marker)], [[], []])

    def test_structured_output_is_parsed(self):
        completion = client().chat.completions.parse(model=MODEL, response_format=Event, messages=user(GOOD))
        self.assertEqual(completion.choices[0].message.parsed, LUNCH)
        with client().chat.completions.stream(model=MODEL, response_format=Event, messages=user(GOOD)) as stream:
            self.assertEqual(stream.get_final_completion().choices[0].message.parsed, LUNCH)

    def test_structured_output_that_does_not_fit_is_asked_for_once_more(self):
        marker = mark()
        messages = user(f"{BAD} || {GOOD} => {GOOD}", marker)
        completion = client().chat.completions.parse(model=MODEL, response_format=Event, messages=messages)
        self.assertEqual(completion.choices[0].message.parsed, LUNCH)
        self.assertEqual(len(chats(marker)), 2)

    def test_structured_output_that_never_fits_is_a_refusal(self):
        messages = user('text "I would rather not." => text "I would rather not."')
        completion = client().chat.completions.parse(model=MODEL, response_format=Event, messages=messages)
        self.assertIsNone(completion.choices[0].message.parsed)
        self.assertTrue(completion.choices[0].message.refusal)

    def test_an_answer_that_was_cut_is_not_parsed(self):
        messages = user('text "{\\"name\\": \\"Lu"; stop MAX_TOKENS')
        with self.assertRaises(openai.LengthFinishReasonError):
            client().chat.completions.parse(model=MODEL, response_format=Event, messages=messages)

    def test_an_image_is_seen(self):
        content = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": PNG}}]
        completion = chat("", messages=[{"role": "user", "content": content}])
        self.assertIn("I see a png image of 1 x 1 pixels.", completion.choices[0].message.content)

    def test_reasoning_comes_beside_the_text(self):
        completion = chat('reason "Let me see" sig="c2ln"; text "So."', model=THINKER, reasoning_effort="high")
        message = completion.choices[0].message
        self.assertEqual((message.reasoning_content, message.content), ("Let me see", "So."))

    def test_three_answers_side_by_side(self):
        # The service counts requests by the script's text: one that nobody else sends.
        unique = f'event futureEvent {{"x":"{mark()}"}}'
        completion = chat(f'per script; text "a"; {unique} || text "b" || text "c"', n=3)
        self.assertEqual([choice.index for choice in completion.choices], [0, 1, 2])
        self.assertEqual(sorted(choice.message.content for choice in completion.choices), ["a", "b", "c"])

    def test_a_stop_sequence_ends_the_text(self):
        choice = chat('text "before END after" chunk=2', stop="END").choices[0]
        self.assertEqual((choice.message.content, choice.finish_reason), ("before ", "stop"))

    def test_models_are_listed_and_retrieved(self):
        models = list(client().models.list())
        self.assertGreater(len(models), 8)
        self.assertTrue(all(model.object == "model" and model.created and model.owned_by for model in models))
        self.assertEqual(client().models.retrieve(MODEL).id, MODEL)


class Responses(unittest.TestCase):
    def test_create_gives_a_response(self):
        response = respond(f'text "Hello."; {USAGE}')
        self.assertEqual((response.status, response.model, response.output_text), ("completed", MODEL, "Hello."))
        usage = response.usage
        self.assertEqual((usage.input_tokens, usage.output_tokens, usage.total_tokens), (10, 3, 13))

    def test_the_stream_helper_gives_events_and_the_final_response(self):
        with client().responses.stream(model=MODEL, input=prompt('text "one two three" chunk=4')) as stream:
            events = list(stream)
            response = stream.get_final_response()
        self.assertEqual([event.sequence_number for event in events], list(range(len(events))))
        texts = [event.delta for event in events if event.type == "response.output_text.delta"]
        self.assertEqual((texts, response.output_text), (["one ", "two ", "thre", "e"], "one two three"))

    def test_reasoning_comes_as_an_item_with_a_summary(self):
        reasoning = {"effort": "high", "summary": "auto"}
        script = 'reason "Let me see" chunk=4 sig="c2ln"; text "So."'
        with client().responses.stream(model=THINKER, reasoning=reasoning, input=prompt(script)) as stream:
            thought, message = stream.get_final_response().output
        self.assertEqual((thought.summary[0].text, message.content[0].text), ("Let me see", "So."))

    def test_a_tool_loop_with_previous_response_id(self):
        marker = mark()
        first = respond('tool get_weather {"city":"Oslo"} cut=3 => text "4 degrees."', marker, tools=RESPONSES_TOOLS)
        call = first.output[-1]
        self.assertEqual((call.type, call.name, json.loads(call.arguments)), ("function_call", "get_weather", {"city": "Oslo"}))
        output = {"type": "function_call_output", "call_id": call.call_id, "output": "4"}
        second = respond("", tools=RESPONSES_TOOLS, previous_response_id=first.id, input=[output])
        self.assertEqual((second.output_text, second.previous_response_id), ("4 degrees.", first.id))
        self.assertEqual([one["violations"] for one in chats(marker)], [[], []])

    def test_the_tool_runner_works_through_its_loop(self):
        for stream in (False, True):
            asked = []

            def execute(arguments):
                asked.append(arguments["city"])
                return f"sunny in {arguments['city']}"

            runner = ResponsesToolRunner(functions=[RegisteredFunction(RESPONSES_TOOLS[0], execute)])
            script = 'text "So"; tool get_weather {"city":"Oslo"} => tool get_weather {"city":"Bergen"} => text "Both are fine."'
            response = runner.run(client(), {"model": MODEL, "input": prompt(script)}, stream=stream)
            self.assertEqual((response.output_text, asked), ("Both are fine.", ["Oslo", "Bergen"]))

    def test_a_custom_tool_is_called_with_plain_text(self):
        tools = [{"type": "custom", "name": "run_sql", "description": "Runs a query."}]
        script = 'tool run_sql {"input":"SELECT \\"a\\"\\nFROM b;"} cut=4 => text "Three rows."'
        with client().responses.stream(model=MODEL, tools=tools, input=prompt(script)) as stream:
            events = list(stream)
            response = stream.get_final_response()
        call = response.output[-1]
        self.assertEqual((call.type, call.name, call.input), ("custom_tool_call", "run_sql", 'SELECT "a"\nFROM b;'))
        deltas = [event.delta for event in events if event.type == "response.custom_tool_call_input.delta"]
        self.assertEqual("".join(deltas), call.input)
        output = {"type": "custom_tool_call_output", "call_id": call.call_id, "output": "a, b, c"}
        self.assertEqual(respond("", tools=tools, previous_response_id=response.id, input=[output]).output_text, "Three rows.")

    def test_structured_output_is_parsed_repaired_or_refused(self):
        def parse(script):
            return client().responses.parse(model=MODEL, text_format=Event, input=prompt(script))

        self.assertEqual(parse(GOOD).output_parsed, LUNCH)
        self.assertEqual(parse(f"{BAD} || {GOOD} => {GOOD}").output_parsed, LUNCH)
        refused = parse('text "I would rather not." => text "I would rather not."')
        self.assertIsNone(refused.output_parsed)
        self.assertEqual(refused.output[-1].content[0].type, "refusal")

    def test_a_response_is_kept_and_deleted(self):
        marker = mark()
        first = respond('text "Kept."', marker)
        self.assertEqual(client().responses.retrieve(first.id).output_text, "Kept.")
        items = list(client().responses.input_items.list(first.id))
        self.assertEqual(len(items), 1)
        self.assertIn(marker, items[0].content[0].text)
        client().responses.delete(first.id)
        with self.assertRaises(openai.NotFoundError):
            client().responses.retrieve(first.id)

    def test_tokens_are_counted(self):
        count = client().responses.input_tokens.count(model=MODEL, input="word " * 1000)
        self.assertEqual(count.object, "response.input_tokens")
        self.assertTrue(500 < count.input_tokens < 3000, count)

    def test_an_answer_that_was_cut_is_incomplete(self):
        response = respond('text "cut he"; stop MAX_TOKENS')
        self.assertEqual((response.status, response.incomplete_details.reason), ("incomplete", "max_output_tokens"))

    def test_a_failure_in_mid_stream_is_told_as_one(self):
        for fault in FAULTS:
            events = list(respond(f'text "so far"; delay 30; {fault}', stream=True))
            self.assertEqual(events[-1].type, "response.failed", fault)
            self.assertEqual(events[-1].response.status, "failed")
            self.assertTrue(events[-1].response.error.message)
            with client().responses.stream(model=MODEL, input=prompt(f'text "so far"; delay 30; {fault}')) as stream:
                with self.assertRaises(RuntimeError):
                    stream.get_final_response()


class Errors(unittest.TestCase):
    def failure(self, kind, status, code=None, param=None, more=None, call=None):
        options = {"model": MODEL, **(more or {})}
        with self.assertRaises(kind) as raised:
            call(**options)
        error = raised.exception
        self.assertEqual(error.status_code, status)
        if code:
            self.assertEqual(error.code, code)
        if param:
            self.assertEqual(error.param, param)
        self.assertRegex(error.request_id, "^req_")
        return error

    def test_errors_have_their_types_codes_and_places(self):
        def chatting(**more):
            return client(api_key=more.pop("key", KEY)).chat.completions.create(**{"messages": user('text "x"'), **more})

        def responding(**more):
            return client(api_key=more.pop("key", KEY)).responses.create(**{"input": prompt('text "x"'), **more})

        for call in (chatting, responding):
            self.failure(openai.AuthenticationError, 401, "invalid_api_key", more={"key": "wrong"}, call=call)
            self.failure(openai.NotFoundError, 404, "model_not_found", more={"model": "claude-sonnet-99"}, call=call)
            self.failure(openai.BadRequestError, 400, None, "temperature", {"temperature": "hot"}, call)
        long = user("fault too-long")
        self.failure(openai.BadRequestError, 400, "context_length_exceeded", more={"messages": long}, call=chatting)
        down = {"input": prompt("fault unavailable retry-after=60")}
        error = self.failure(openai.InternalServerError, 503, more=down, call=responding)
        self.assertEqual(error.response.headers["retry-after"], "60")

    def test_a_rate_limit_says_when_to_come_again(self):
        with gateway() as (url, key):
            ask = client(base_url=f"{url}/v1", api_key=key)
            with self.assertRaises(openai.RateLimitError) as raised:
                ask.chat.completions.create(model=MODEL, messages=user("fault throttle retry-after=90"))
        self.assertEqual(raised.exception.code, "rate_limit_exceeded")
        self.assertRegex(raised.exception.response.headers["retry-after"], r"^(8\d|90)$")

    def test_an_error_in_mid_stream_is_raised(self):
        for fault in FAULTS:
            texts = []
            with self.assertRaises(openai.APIError):
                for chunk in chat(f'text "so far"; delay 30; {fault}', stream=True):
                    texts.append(chunk.choices[0].delta.content or "")
            self.assertEqual("".join(texts), "so far")


class Asynchronous(unittest.IsolatedAsyncioTestCase):
    async def test_streams(self):
        async with AsyncOpenAI(base_url=URL, api_key=KEY, max_retries=0) as asynchronous:
            async with asynchronous.chat.completions.stream(model=MODEL, messages=user('text "ab" chunk=1')) as stream:
                texts = [event.delta async for event in stream if event.type == "content.delta" and event.delta]
            self.assertEqual(texts, ["a", "b"])
            async with asynchronous.responses.stream(model=MODEL, input=prompt('text "ab" chunk=1')) as stream:
                response = await stream.get_final_response()
            self.assertEqual(response.output_text, "ab")


if __name__ == "__main__":
    unittest.main()
