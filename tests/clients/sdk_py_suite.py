"""The official Python SDK against the gateway."""

import os
import unittest
import uuid

import anthropic
from anthropic import Anthropic, AsyncAnthropic, beta_tool

from support import secrets

URL, KEY = os.environ["KIRO2API_URL"], os.environ["KIRO2API_KEY"]
MODEL = "claude-haiku-4-5"
BASE = {"model": MODEL, "max_tokens": 1024}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WEATHER = {
    "name": "get_weather",
    "description": "Weather of a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


tearDownModule = secrets.check


def client(**more):
    return Anthropic(**{"base_url": URL, "api_key": KEY, "max_retries": 0, **more})


def prompt(script):
    return [{"role": "user", "content": f"mark-{uuid.uuid4()}\n@sim {script}"}]


class Messages(unittest.TestCase):
    def test_create_gives_a_message(self):
        script = 'text "Hello."; usage {"uncachedInputTokens":10,"outputTokens":3,"totalTokens":13}'
        message = client().messages.create(**BASE, messages=prompt(script))
        self.assertEqual([block.to_dict() for block in message.content], [{"type": "text", "text": "Hello."}])
        self.assertEqual((message.role, message.model, message.stop_reason), ("assistant", MODEL, "end_turn"))
        self.assertEqual((message.usage.input_tokens, message.usage.output_tokens), (10, 3))
        self.assertRegex(message._request_id, "^req_")

    def test_the_stream_helper_gives_texts_and_the_final_message(self):
        with client().messages.stream(**BASE, messages=prompt('text "one two three" chunk=4')) as stream:
            texts = list(stream.text_stream)
            message = stream.get_final_message()
        self.assertEqual(texts, ["one ", "two ", "thre", "e"])
        self.assertEqual((message.content[0].text, message.stop_reason), ("one two three", "end_turn"))

    def test_a_tool_loop_by_hand(self):
        messages = prompt('text "Looking."; tool get_weather {"city":"Oslo"} cut=3 => text "4 degrees."')
        with client().messages.stream(**BASE, tools=[WEATHER], messages=messages) as stream:
            first = stream.get_final_message()
        self.assertEqual(first.stop_reason, "tool_use")
        call = first.content[-1]
        self.assertEqual((call.name, call.input), ("get_weather", {"city": "Oslo"}))
        result = {"type": "tool_result", "tool_use_id": call.id, "content": '{"temp":4}'}
        messages += [{"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
        second = client().messages.create(**BASE, tools=[WEATHER], messages=messages)
        self.assertEqual(second.content[0].text, "4 degrees.")

    def test_the_tool_runner_works_through_its_loop_after_threads_are_refused(self):
        asked = []

        @beta_tool
        def get_weather(city: str) -> str:
            """Weather of a city.

            Args:
                city: Its name.
            """
            asked.append(city)
            return f"sunny in {city}"

        script = 'tool get_weather {"city":"Oslo"} => tool get_weather {"city":"Bergen"} => text "Both are fine."'
        runner = client().beta.messages.tool_runner(**BASE, tools=[get_weather], messages=prompt(script))
        message = runner.until_done()
        self.assertEqual(asked, ["Oslo", "Bergen"])
        self.assertEqual(message.content[-1].text, "Both are fine.")

    def test_an_image_is_seen(self):
        image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
        content = [image, {"type": "text", "text": "What is it?"}]
        message = client().messages.create(**BASE, messages=[{"role": "user", "content": content}])
        self.assertIn("I see a png image of 1 x 1 pixels.", message.content[0].text)

    def test_thinking_comes_as_thinking(self):
        script = 'reason "Let me see" chunk=4 sig="c2ln"; text "So."'
        with client().messages.stream(
            **{**BASE, "model": "claude-opus-5"}, thinking={"type": "adaptive"}, messages=prompt(script)
        ) as stream:
            thought, text = stream.get_final_message().content
        self.assertEqual((thought.thinking, thought.signature, text.text), ("Let me see", "c2ln", "So."))

    def test_tokens_are_counted(self):
        messages = [{"role": "user", "content": "word " * 1000}]
        count = client().messages.count_tokens(model=MODEL, messages=messages).input_tokens
        self.assertTrue(500 < count < 3000, count)

    def test_models_are_listed_page_by_page_and_retrieved(self):
        ids = [model.id for model in client().models.list(limit=4)]
        self.assertIn(MODEL, ids)
        self.assertEqual(len(set(ids)), len(ids))
        self.assertGreater(len(ids), 8)
        self.assertEqual(client().models.retrieve(MODEL).id, MODEL)

    def test_the_raw_response_carries_the_request_id(self):
        raw = client().messages.with_raw_response.create(**BASE, messages=prompt('text "x"'))
        self.assertRegex(raw.headers["request-id"], "^req_")
        self.assertEqual(raw.parse().content[0].text, "x")


class Errors(unittest.TestCase):
    def failure(self, kind, status, error_type, messages=None, **more):
        options = {"api_key": more.pop("api_key", KEY)}
        with self.assertRaises(kind) as raised:
            client(**options).messages.create(**{**BASE, **more}, messages=messages or prompt('text "x"'))
        error = raised.exception
        self.assertEqual((error.status_code, error.body["error"]["type"]), (status, error_type))
        self.assertRegex(error.request_id, "^req_")
        return error

    def test_a_wrong_key(self):
        self.failure(anthropic.AuthenticationError, 401, "authentication_error", api_key="wrong")

    def test_an_unknown_model(self):
        self.failure(anthropic.NotFoundError, 404, "not_found_error", model="claude-sonnet-99")

    def test_bad_input(self):
        messages = [{"role": "user", "content": [{"type": "text", "text": 5}]}]
        error = self.failure(anthropic.BadRequestError, 400, "invalid_request_error", messages=messages)
        self.assertIn("messages[0].content[0].text", error.message)

    def test_overload_with_a_time_to_wait(self):
        messages = prompt("fault unavailable retry-after=60")
        kind = anthropic.InternalServerError
        error = self.failure(kind, 529, "overloaded_error", messages=messages)
        self.assertEqual(error.response.headers["retry-after"], "60")

    def test_a_failure_of_the_service(self):
        self.failure(anthropic.InternalServerError, 502, "api_error", messages=prompt("fault operation"))

    def test_an_error_in_mid_stream_is_raised(self):
        script = 'text "so far"; delay 30; exception InternalServerException "boom"'
        texts = []
        with self.assertRaises(anthropic.APIError):
            with client().messages.stream(**BASE, messages=prompt(script)) as stream:
                texts.extend(stream.text_stream)
        self.assertEqual(texts, ["so far"])


class Secrets(unittest.TestCase):
    def test_a_secret_that_an_answer_holds_is_found_and_one_that_its_request_said_is_none(self):
        planted = f"a-planted/secret+{uuid.uuid4()}"
        secrets.know("the planted secret", planted)
        heard = len(secrets.HEARD)
        client().messages.create(**BASE, messages=prompt(f'text "{planted}"'))
        self.assertGreater(len(secrets.HEARD), heard)
        self.assertEqual(secrets.found(), [])
        # The same bytes, as an answer to a request that said nothing of it.
        place, parts, _ = secrets.HEARD[-1]
        secrets.hear(place, parts)
        self.assertEqual(secrets.found(), ["the planted secret is in an answer 200 to POST /v1/messages"])
        with self.assertRaises(AssertionError) as raised:
            secrets.check()
        self.assertNotIn(planted, str(raised.exception))
        secrets.HEARD.pop()


class Asynchronous(unittest.IsolatedAsyncioTestCase):
    async def test_a_stream(self):
        async with AsyncAnthropic(base_url=URL, auth_token=KEY, api_key=None, max_retries=0) as asynchronous:
            async with asynchronous.messages.stream(**BASE, messages=prompt('text "ab" chunk=1')) as stream:
                self.assertEqual([text async for text in stream.text_stream], ["a", "b"])


if __name__ == "__main__":
    unittest.main()
