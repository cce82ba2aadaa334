"""Triggers and bindings that need a service in the cloud: they can be written down, and nothing here runs them.

An app made for Azure must load whatever it binds to. A function that a cloud service triggers, or whose input comes
from one, is listed as unsupported and runs by hand only. An output goes nowhere; the function is told so in the log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from dfcli.authoring.triggers import FunctionDefinition, settle

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
Decorator = Callable[[F], F]

RETURN = "$return"
"""Azure's name for what a function returns."""
HTTP_OUTPUT = "http"
"""The one output that goes somewhere: the answer of an HTTP function."""


class Out(Generic[T]):
    """Takes the value of an output binding. Nothing is sent anywhere from here."""

    def __init__(self, tell: Callable[[], None] | None = None) -> None:
        self._value: T | None = None
        self._tell = tell
        self.is_set = False

    def set(self, value: T) -> None:
        self._value = value
        self.is_set = True
        if self._tell is not None:
            self._tell()

    def get(self) -> T | None:
        return self._value


def set_cloud_trigger(definition: FunctionDefinition, members: Mapping[str, Any]) -> None:
    """Note what of a trigger's binding, written as in function.json, says what the function takes."""
    cardinality = members.get("cardinality")  # a text, or an enumeration of the author's
    definition.takes_batches = str(getattr(cardinality, "value", cardinality)).casefold() == "many"
    definition.blob_path = str(members.get("path") or "")


def _trigger(type: str) -> Callable[..., Decorator[Any]]:
    def decorator(self: CloudBindings, arg_name: str | None = None, *_: Any, **members: Any) -> Decorator[F]:
        def decorate(function: F) -> F:
            definition = self._add(function)
            definition.triggers.append("unsupported")
            definition.needs.append(type)
            definition.cloud_trigger, definition.wished_parameter = type, arg_name
            set_cloud_trigger(definition, members)
            settle(definition)
            return function

        return decorate

    return decorator


def _input(type: str) -> Callable[..., Decorator[Any]]:
    def decorator(self: CloudBindings, arg_name: str = "", *_: Any, **__: Any) -> Decorator[F]:
        def decorate(function: F) -> F:
            definition = self._add(function)
            definition.needs.append(type)
            definition.cloud_inputs[arg_name] = type
            settle(definition)
            return function

        return decorate

    return decorator


def _output(type: str) -> Callable[..., Decorator[Any]]:
    def decorator(self: CloudBindings, arg_name: str = RETURN, *_: Any, **__: Any) -> Decorator[F]:
        def decorate(function: F) -> F:
            definition = self._add(function)
            definition.outputs[arg_name] = type
            settle(definition)
            return function

        return decorate

    return decorator


class CloudBindings:
    """The decorators of Azure Functions that this machine cannot serve, for `DFApp` and `Blueprint`."""

    def _add(self, function: Callable[..., Any]) -> FunctionDefinition:
        raise NotImplementedError

    def generic_trigger(self, arg_name: str, type: str, data_type: Any = None, **members: Any) -> Decorator[F]:
        """A trigger named by its type; none of those that have no decorator of their own runs here."""
        del data_type
        decorator: Decorator[F] = _trigger(str(type))(self, arg_name, **members)
        return decorator

    def generic_input_binding(self, arg_name: str, type: str, data_type: Any = None, **_: Any) -> Decorator[F]:
        del data_type
        decorator: Decorator[F] = _input(str(type))(self, arg_name)
        return decorator

    def generic_output_binding(self, arg_name: str, type: str, data_type: Any = None, **_: Any) -> Decorator[F]:
        del data_type
        decorator: Decorator[F] = _output(str(type))(self, arg_name)
        return decorator

    def retry(self, *_: Any, **__: Any) -> Decorator[F]:
        """The host-level retry policy of Azure; not applied here. Orchestrators retry with `df.RetryOptions`."""

        def decorate(function: F) -> F:
            self._add(function).notes.append("its retry policy is not applied here")
            return function

        return decorate

    queue_trigger = _trigger("queueTrigger")
    blob_trigger = _trigger("blobTrigger")
    service_bus_queue_trigger = service_bus_topic_trigger = _trigger("serviceBusTrigger")
    event_hub_message_trigger = _trigger("eventHubTrigger")
    event_grid_trigger = _trigger("eventGridTrigger")
    cosmos_db_trigger = cosmos_db_trigger_v3 = _trigger("cosmosDBTrigger")
    sql_trigger = _trigger("sqlTrigger")
    mysql_trigger = _trigger("mysqlTrigger")
    kafka_trigger = _trigger("kafkaTrigger")
    warm_up_trigger = _trigger("warmupTrigger")
    connector_trigger = _trigger("connectorTrigger")
    assistant_skill_trigger = _trigger("assistantSkillTrigger")
    dapr_service_invocation_trigger = _trigger("daprServiceInvocationTrigger")
    dapr_binding_trigger = _trigger("daprBindingTrigger")
    dapr_topic_trigger = _trigger("daprTopicTrigger")
    mcp_tool_trigger = mcp_tool = _trigger("mcpToolTrigger")
    mcp_prompt_trigger = _trigger("mcpPromptTrigger")
    mcp_resource_trigger = _trigger("mcpResourceTrigger")

    blob_input = _input("blob")
    cosmos_db_input = cosmos_db_input_v3 = _input("cosmosDB")
    sql_input = _input("sql")
    mysql_input = _input("mysql")
    table_input = _input("table")
    dapr_state_input = _input("daprState")
    dapr_secret_input = _input("daprSecret")
    embeddings_input = _input("embeddings")
    semantic_search_input = _input("semanticSearch")
    text_completion_input = _input("textCompletion")
    assistant_query_input = _input("assistantQuery")
    assistant_post_input = _input("assistantPost")
    mcp_tool_property = _input("mcpToolProperty")

    queue_output = _output("queue")
    blob_output = _output("blob")
    service_bus_queue_output = service_bus_topic_output = _output("serviceBus")
    event_hub_output = _output("eventHub")
    event_grid_output = _output("eventGrid")
    cosmos_db_output = cosmos_db_output_v3 = _output("cosmosDB")
    sql_output = _output("sql")
    mysql_output = _output("mysql")
    kafka_output = _output("kafka")
    table_output = _output("table")
    dapr_state_output = _output("daprState")
    dapr_invoke_output = _output("daprInvoke")
    dapr_publish_output = _output("daprPublish")
    dapr_binding_output = _output("daprBinding")
    embeddings_store_output = _output("embeddingsStore")
    assistant_create_output = _output("assistantCreate")
