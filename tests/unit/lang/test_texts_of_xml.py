"""Texts of elements, whatever is around them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.lang.xml import XmlRefused, texts


def test_elements_are_found_in_any_namespace():
    document = b'<a xmlns="urn:x"><b><Key> one </Key></b><Other>two</Other><Key/></a>'
    assert texts(document, ("Key", "Missing")) == {"Key": "one"}


def test_a_document_with_a_type_is_refused():
    with pytest.raises(XmlRefused):
        texts(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', ("a",))


@given(st.binary(max_size=100))
def test_what_is_no_xml_has_none(data):
    assert texts(b"\0" + data, ("a",)) == {}
