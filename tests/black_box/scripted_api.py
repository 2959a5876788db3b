"""An API model whose answers are a function of what the user says: no network, no chance."""

from __future__ import annotations

from collections.abc import Callable

from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI, ModelOutput, ModelUsage, modelapi
from inspect_ai.tool import ToolChoice, ToolInfo

_ANSWERS: dict[str, Callable[[str], str]] = {}


@modelapi(name="scripted")
class ScriptedAPI(ModelAPI):
    """Inspect's model `scripted/<name>`."""

    def max_connections(self) -> int:
        return 256

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        output = ModelOutput.from_content(self.model_name, _ANSWERS[self.model_name](input[-1].text))
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)  # else Inspect fetches a tokenizer
        return output


def scripted(answer: Callable[[str], str], name: str = "one") -> str:
    """The spelling of a model that answers the last thing that the user said with `answer`."""
    _ANSWERS[name] = answer
    return f"scripted/{name}"
