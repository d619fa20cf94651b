from hypothesis import given
from hypothesis import strategies as st

from shared.kube import ObjectKey
from shared.kube.store import Change, Store, newer

KEY = ObjectKey("ns", "a")


def obj(version, uid="1", **fields):
    metadata = {
        "name": "a",
        "namespace": "ns",
        "uid": uid,
        "resourceVersion": str(version),
        "managedFields": [1],
    }
    return {"metadata": metadata, **fields}


def store():
    return Store(lambda each: int(each["metadata"]["resourceVersion"]))


def test_a_newer_version_is_a_change():
    one = store()
    assert one.put(obj(5), initial=True) == Change(KEY, None, 5, initial=True)
    assert one.put(obj(6)) == Change(KEY, 5, 6)
    assert one.header(KEY) == 6


@given(st.lists(st.integers(1, 30)))
def test_it_ends_at_the_newest_version_whatever_the_order(versions):
    one = store()
    changes = [change.new for version in versions if (change := one.put(obj(version)))]
    assert changes == sorted(set(changes))
    assert one.header(KEY) == max(versions, default=None)


def test_a_successor_is_new_whatever_its_version():
    one = store()
    one.put(obj(9))
    assert one.put(obj(3, uid="2")) == Change(KEY, None, 3)


def test_dropping_forgets_and_tells_once():
    one = store()
    one.put(obj(5))
    assert one.drop(KEY, "2") is None
    assert one.drop(KEY, "1") == Change(KEY, 5, None)
    assert one.drop(KEY) is None
    assert KEY not in one
    assert len(one) == 0


def test_what_is_read_belongs_to_the_reader_and_has_no_managed_fields():
    one = store()
    one.put(obj(5, spec={"a": 1}))
    read = one.get(KEY)
    assert "managedFields" not in read["metadata"]
    read["spec"]["a"] = 2
    assert one.get(KEY)["spec"] == {"a": 1}
    assert one.get(ObjectKey("ns", "b")) is None


def test_walking_over_keys_survives_changes():
    one = store()
    one.put(obj(5))
    for key in one:
        one.drop(key)
    one.put(obj(6))
    for key, header in one.headers():
        assert (key, header) == (KEY, 6)
        one.drop(key)


def test_versions_that_are_no_numbers_are_taken_as_newer_when_they_differ():
    assert newer("10", "9")
    assert not newer("9", "10")
    assert not newer("9", "9")
    assert newer("abc", "9")
    assert not newer("abc", "abc")
