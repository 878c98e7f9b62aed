"""Checks of a chat request's messages, tools and template arguments."""

from __future__ import annotations

from typing import Any

import msgspec

from node_scripts.proxy.openai_errors import RequestRejectedError, unsupported
from node_scripts.proxy.request_shapes import ChatRequest, FunctionCall, Message, Part, Scalar

ROLES = frozenset({"system", "user", "assistant", "tool"})

MEDIA_PARTS = frozenset(
    {"image_url", "input_image", "image", "input_audio", "audio", "file", "input_file", "video", "video_url"}
)

RESERVED_TEMPLATE_ARGUMENTS = frozenset(
    {
        "self",
        "conversation",
        "messages",
        "tools",
        "documents",
        "load_audio_from_video",
        "processor_kwargs",
        "chat_template",
        "add_generation_prompt",
        "continue_final_message",
        "tokenize",
        "tokenizer_kwargs",
        "padding",
        "truncation",
        "max_length",
        "return_tensors",
        "return_dict",
        "return_assistant_tokens_mask",
    }
)
"""Parameters of ``apply_chat_template`` itself: a client that set them would break the call, run a
template of its own, or cut the prompt to nothing."""

DEEPEST_NESTING = 64
"""Levels of lists and objects in tools and in the arguments of tool calls."""

_arguments_decoder = msgspec.json.Decoder()


def check_conversation(request: ChatRequest) -> None:
    """Refuse what templates or loaders choke on, and put the rest into the form that they know.

    - The role ``developer`` becomes ``system``: it is OpenAI's newer word for it, and hardly any
      open model's template knows it (many fail on it).
    - Empty ``arguments`` of a tool call become ``{}``, as templates iterate over them.
    - ``tool_choice`` "none" leaves the tools out. The other choices are not forwarded, because
      mlx_lm.server cannot force a call: the model decides.
    """
    if not request.messages:
        raise RequestRejectedError("'messages' must not be empty.", param="messages", code="empty_array")
    for position, message in enumerate(request.messages):
        _check_message(message, f"messages[{position}]")
    _check_tools(request)
    _check_template_arguments(request.chat_template_kwargs)


def _check_message(message: Message, where: str) -> None:
    if message.role == "developer":
        message.role = "system"
    if message.role not in ROLES:
        raise RequestRejectedError(
            f"'{where}.role' must be one of system, developer, user, assistant or tool.",
            param=f"{where}.role",
            code="invalid_value",
        )
    if message.function_call is not None or message.audio is not None:
        name = "audio" if message.function_call is None else "function_call"
        raise unsupported(f"{where}.{name}", "This model's server knows neither function_call nor audio.")
    if message.content is None:
        if message.role != "assistant":
            raise RequestRejectedError(
                f"'{where}.content' must be a string or a list of text parts.",
                param=f"{where}.content",
                code="invalid_type",
            )
    elif not isinstance(message.content, str):
        for position, part in enumerate(message.content):
            _check_part(part, f"{where}.content[{position}]")
    for position, call in enumerate(message.tool_calls or ()):
        _check_arguments(call.function, f"{where}.tool_calls[{position}].function.arguments")
    if not message.tool_calls:
        message.tool_calls = None


def _check_part(part: Part, where: str) -> None:
    if part.type != "text":
        kind = f"'{part.type}'" if part.type in MEDIA_PARTS else "another type"
        raise unsupported(where, f"Only content parts of type 'text' are served; this one is of {kind}.")
    if part.text is None:
        raise RequestRejectedError(
            f"'{where}.text' must be a string.", param=f"{where}.text", code="invalid_type"
        )


def _check_arguments(function: FunctionCall, where: str) -> None:
    arguments: Any = function.arguments
    if arguments is None or arguments == "":
        function.arguments = "{}"
        return
    if isinstance(arguments, str):
        try:
            arguments = _arguments_decoder.decode(arguments)
        except (ValueError, RecursionError):
            raise RequestRejectedError(
                f"'{where}' must be JSON text.", param=where, code="invalid_value"
            ) from None
    _check_nesting(arguments, where)


def _check_tools(request: ChatRequest) -> None:
    if request.functions is not None or request.function_call is not None:
        name = "function_call" if request.functions is None else "functions"
        raise unsupported(name, "Deprecated; send 'tools' instead.")
    for position, tool in enumerate(request.tools or ()):
        where = f"tools[{position}]"
        function = tool.get("function")
        if tool.get("type", "function") != "function" or not isinstance(function, dict):
            raise RequestRejectedError(
                f'\'{where}\' must be {{"type": "function", "function": {{…}}}}.',
                param=where,
                code="invalid_value",
            )
        if not isinstance(function.get("name"), str) or not function["name"]:
            raise RequestRejectedError(
                f"'{where}.function.name' must be a non-empty string.",
                param=f"{where}.function.name",
                code="invalid_type",
            )
        _check_parameters(function, f"{where}.function.parameters")
        _check_nesting(tool, where)
    if not request.tools or request.tool_choice == "none":
        request.tools = None
    request.tool_choice = None


def _check_parameters(function: dict[str, Any], where: str) -> None:
    """Make sure of ``{"properties": {name: {…}}}``: mlx_lm's parsers of tool calls fail without it.

    They read the schema only after the model made a call, in the middle of the answer.
    """
    parameters = function.get("parameters")
    if parameters is None:
        function["parameters"] = {"type": "object", "properties": {}}
        return
    properties = parameters.get("properties", {}) if isinstance(parameters, dict) else None
    if not isinstance(properties, dict) or not all(isinstance(one, dict) for one in properties.values()):
        raise RequestRejectedError(
            f"'{where}' must be the JSON schema of an object, with an object for each property.",
            param=where,
            code="invalid_type",
        )


def _check_template_arguments(arguments: dict[str, Scalar] | None) -> None:
    for name in arguments or ():
        if name in RESERVED_TEMPLATE_ARGUMENTS:
            raise unsupported("chat_template_kwargs", f"'{name}' cannot be set by a request.")
        if not name.isidentifier():
            raise RequestRejectedError(
                "Every name in 'chat_template_kwargs' must be an identifier.",
                param="chat_template_kwargs",
                code="invalid_value",
            )


def _check_nesting(value: object, where: str, allowed: int = DEEPEST_NESTING) -> None:
    if allowed == 0:
        raise RequestRejectedError(
            f"'{where}' is nested more than {DEEPEST_NESTING} levels deep.",
            param=where,
            code="invalid_value",
        )
    if isinstance(value, dict):
        for inner in value.values():
            _check_nesting(inner, where, allowed - 1)
    elif isinstance(value, list):
        for inner in value:
            _check_nesting(inner, where, allowed - 1)
